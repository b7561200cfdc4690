import { describe, expect, it } from 'vitest'
import { buildRequest, wrapVtrix } from '../../../src/shared/models/request.ts'
import { addressed, good, picture, resolved, song, video } from './orders.ts'

const url = (name: string) => `https://media.example.com/${name}`
const clip = (name: string) => ({ kind: 'video' as const, url: url(name) })
const image = (name: string) => ({ kind: 'image' as const, url: url(name) })

describe('request bodies', () => {
  it('wan2.6-reference-video: exactly the documented fields', () => {
    const order = resolved(
      good('wan2.6-reference-video', ({ values }) => Object.assign(values, { shot_type: 'single' })),
    )
    expect(buildRequest(order, { references: [clip('a.mp4')] })).toEqual({
      model: 'wan2.6-reference-video',
      body: {
        model: 'wan2.6-reference-video',
        prompt: 'A dancer on a roof',
        video_urls: [url('a.mp4')],
        aspect_ratio: '16:9',
        quality: '720p',
        duration: 5,
        model_params: { shot_type: 'single' },
      },
    })
  })

  it('wan2.6-reference-video-flash: order of references, sound at the top level, no single shot', () => {
    const given = good('wan2.6-reference-video-flash', (each) => {
      each.references = [video(), video()]
      Object.assign(each.values, {
        prompt: 'character1 and character2',
        aspect_ratio: '9:16',
        quality: '1080p',
        duration: '7',
        generate_audio: 'no',
        shot_type: 'single',
      })
    })
    expect(buildRequest(resolved(given), { references: [clip('b.mov'), clip('a.mp4')] }).body).toEqual({
      model: 'wan2.6-reference-video-flash',
      prompt: 'character1 and character2',
      video_urls: [url('b.mov'), url('a.mp4')],
      aspect_ratio: '9:16',
      quality: '1080p',
      duration: 7,
      generate_audio: false,
    })
  })

  it('wan2.6-reference-video-flash: several shots are sent', () => {
    const order = resolved(
      good('wan2.6-reference-video-flash', ({ values }) => Object.assign(values, { shot_type: 'multi' })),
    )
    expect(buildRequest(order, { references: [clip('a.mp4')] }).body.model_params).toEqual({
      shot_type: 'multi',
    })
  })

  it('wan2.6-image-to-video-flash: own audio and several shots', () => {
    const given = good('wan2.6-image-to-video-flash', (each) => {
      each.audio = song()
      Object.assign(each.values, { duration: 12, prompt_extend: 'yes', shot_type: 'multi' })
    })
    const media = { references: [image('cat.png')], audio: { url: url('song.mp3') } }
    expect(buildRequest(resolved(given), media).body).toEqual({
      model: 'wan2.6-image-to-video-flash',
      prompt: 'The cat plays',
      image_urls: [url('cat.png')],
      duration: 12,
      quality: '720p',
      prompt_extend: true,
      model_params: { shot_type: 'multi' },
      audio_url: url('song.mp3'),
      generate_audio: true,
    })
  })

  it('wan26_r2v: the plain form of its page, and the wrapped one', () => {
    const given = good('wan26_r2v', (each) => {
      each.references = [picture(), video()]
      each.audio = addressed(song())
      Object.assign(each.values, {
        prompt: 'character1 talks with character2',
        size: '1280x720',
        prompt_extend: true,
        watermark: 'false',
        generate_audio: 'yes',
        shot_type: 'single',
        seed: '12345',
      })
    })
    const media = { references: [image('a.jpg'), clip('b.mp4')], audio: { url: url('c.wav') } }
    const { body } = buildRequest(resolved(given), media)
    const input = {
      prompt: 'character1 talks with character2',
      reference_urls: [url('a.jpg'), url('b.mp4')],
      audio_url: url('c.wav'),
    }
    const parameters = {
      size: '1280*720',
      duration: 5,
      prompt_extend: true,
      watermark: false,
      audio: true,
      shot_type: 'single',
      seed: 12345,
    }
    expect(body).toEqual({ model: 'wan26_r2v', input, parameters })
    expect(wrapVtrix(body)).toEqual({ model: 'wan26_r2v', input: [{ params: { input, parameters } }] })
  })

  it('wan26_r2v: a bare order sends size and duration and no switch', () => {
    const { body } = buildRequest(resolved(good('wan26_r2v')), { references: [image('a.jpg')] })
    expect(body.parameters).toEqual({ size: '1280*720', duration: 5 })
  })

  it('wan2.7-image-to-video: first and last frame by the order of the pictures, mode written out', () => {
    const order = resolved(
      good('wan2.7-image-to-video', (each) => {
        each.references = [picture(), picture()]
        each.audio = song()
        each.values.prompt = ''
      }),
    )
    const media = { references: [image('first.png'), image('last.png')], audio: { url: url('song.mp3') } }
    expect(buildRequest(order, media).body).toEqual({
      model: 'wan2.7-image-to-video',
      generation_mode: 'first_last_frame',
      image_start: url('first.png'),
      image_end: url('last.png'),
      audio_urls: [url('song.mp3')],
      quality: '720p',
      duration: 5,
    })
  })

  it('wan2.7-image-to-video: a video to continue', () => {
    const order = resolved(
      good('wan2.7-image-to-video', (each) => {
        each.references = [video({ durationMs: 3000 })]
      }),
    )
    expect(buildRequest(order, { references: [clip('a.mp4')] }).body).toMatchObject({
      generation_mode: 'video_continuation',
      video_urls: [url('a.mp4')],
    })
  })

  it('wan2.7-reference-video: pictures and videos go to their own lists, each in order', () => {
    const order = resolved(
      good('wan2.7-reference-video', (each) => {
        each.references = [picture(), video(), picture()]
        each.values.prompt = 'Image 1, Image 2 and Video 1'
      }),
    )
    const media = { references: [image('a.png'), clip('b.mp4'), image('c.png')] }
    expect(buildRequest(order, media).body).toMatchObject({
      image_urls: [url('a.png'), url('c.png')],
      video_urls: [url('b.mp4')],
    })
  })

  it('refuses references that the model has no place for', () => {
    const order = resolved(good('wan2.6-reference-video'))
    expect(() => buildRequest(order, { references: [image('a.png')] })).toThrow(RangeError)
    expect(() => buildRequest(order, { references: [clip('a.mp4')], audio: { url: url('x.mp3') } })).toThrow(
      RangeError,
    )
  })
})
