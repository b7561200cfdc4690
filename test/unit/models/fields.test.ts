import { describe, expect, it } from 'vitest'
import { MODELS, parameterOf } from '../../../src/shared/models/catalogue.ts'
import { check, good, lines, MODEL_IDS, resolved } from './orders.ts'

const R = 'wan2.6-reference-video'
const F = 'wan2.6-reference-video-flash'
const I = 'wan2.6-image-to-video-flash'
const V = 'wan26_r2v'

const withValues = (model: string, values: Record<string, unknown>) =>
  good(model, (given) => Object.assign(given.values, values))

describe('what is always sent', () => {
  it.each(MODEL_IDS)('%s: a bare order is resolved with duration, tier and shape', (model) => {
    const order = resolved(good(model))
    expect(order.duration).toBe(5)
    expect(order.quality).toBe('720p')
    const found = MODELS.find((each) => each.id === model)
    if (found !== undefined && parameterOf(found, 'aspect_ratio') !== undefined)
      expect(order.aspect_ratio).toBe('16:9')
  })

  it('takes the cheaper size at Vtrix, whose own default is the dear one', () => {
    expect(resolved(good(V))).toMatchObject({ size: '1280*720', quality: '720p', width: 1280, height: 720 })
  })

  it('says sound where a switch decides it, and nothing where the provider does not', () => {
    expect(resolved(good(F)).expectsSound).toBe(true)
    expect(resolved(withValues(F, { generate_audio: '否' })).expectsSound).toBe(false)
    expect(resolved(good(R))).not.toHaveProperty('expectsSound')
  })
})

describe('text of cells', () => {
  it.each([
    ['true', true],
    ['YES', true],
    ['1', true],
    [1, true],
    ['on', true],
    ['Ja', true],
    ['false', false],
    ['no', false],
    ['0', false],
    ['Off', false],
    ['nein', false],
  ])('reads the switch %j as %j', (text, value) => {
    expect(resolved(withValues(F, { generate_audio: text })).generate_audio).toBe(value)
  })

  it.each(['maybe', '2', 'oui!', {}, []])('refuses the switch %j', (cell) => {
    expect(lines(check(withValues(F, { generate_audio: cell })))).toEqual([
      'error value-invalid generate_audio',
    ])
  })

  it.each([
    ['7', 7],
    [' 7 s ', 7],
    ['7.0', 7],
    ['7sec', 7],
    ['7 秒', 7],
    [7, 7],
  ])('reads the duration %j as %i', (text, value) => {
    expect(resolved(withValues(F, { duration: text })).duration).toBe(value)
  })

  it.each(['5-6', 'five', '1e1', Number.NaN, 7.5, '7 min', true])('refuses the duration %j', (cell) => {
    expect(lines(check(withValues(F, { duration: cell })))).toEqual(['error value-invalid duration'])
  })

  it('treats empty and blank cells as not chosen', () => {
    expect(resolved(withValues(F, { duration: '', quality: '  ', seed: null })).duration).toBe(5)
  })

  it('keeps a prompt exactly as written', () => {
    const prompt = '  “Rain”\n\tfalls 🌧 '
    expect(resolved(withValues(F, { prompt })).prompt).toBe(prompt)
  })
})

describe('prompt length', () => {
  it('counts UTF-16 code units: 750 emoji fit into 1500, one more letter does not', () => {
    expect(lines(check(withValues(R, { prompt: '🌧'.repeat(750) })))).toEqual([])
    const checked = check(withValues(R, { prompt: `${'🌧'.repeat(750)}a` }))
    expect(lines(checked)).toEqual(['error value-invalid prompt'])
    expect(checked.problems[0]?.next).toContain('1')
  })

  it.each([
    [V, 1500],
    ['wan2.5-text-to-video', 2000],
    ['wan2.7-image-to-video', 5000],
  ])('%s takes %i characters and refuses one more', (model, limit) => {
    expect(lines(check(withValues(model, { prompt: '描'.repeat(limit) })))).toEqual([])
    expect(lines(check(withValues(model, { prompt: '描'.repeat(limit + 1) })))).toEqual([
      'error value-invalid prompt',
    ])
  })

  it('asks for a prompt where one is needed', () => {
    expect(lines(check(withValues(I, { prompt: ' ' })))).toEqual(['error value-required prompt'])
  })
})

describe('fields that a model does not take', () => {
  it.each([
    [R, 'seed', 7],
    [R, 'generate_audio', 'no'],
    [R, 'prompt_extend', 'yes'],
    [R, 'watermark', true],
    [R, 'negative_prompt', 'blur'],
    [F, 'seed', 7],
    [F, 'prompt_extend', false],
    [I, 'aspect_ratio', '9:16'],
    [I, 'size', '1280*720'],
    [I, 'seed', 1],
    ['wan2.6-image-to-video', 'generate_audio', true],
    [V, 'negative_prompt', 'blur'],
    ['wan2.7-reference-video', 'shot_type', 'multi'],
    ['wan2.5-text-to-video', 'generation_mode', 'first_frame'],
  ])('%s: %s is an error, because it would change what is bought', (model, field, value) => {
    const checked = check(withValues(model, { [field]: value }))
    expect(lines(checked)).toEqual([`error value-unused ${field}`])
    expect(checked.order).toBeUndefined()
  })

  it.each([
    [V, 'callback_url', 'https://example.com/done'],
    [R, 'watermark', 'no'],
    ['wan2.7-reference-video', 'shot_type', 'single'],
    [R, 'frames', '24'],
  ])('%s: %s = %s is a warning, because the clip is the same', (model, field, value) => {
    const checked = check(withValues(model, { [field]: value }))
    expect(lines(checked)).toEqual([`warning value-unused ${field}`])
    expect(checked.order).not.toHaveProperty(field)
  })

  it('names the models that take the field', () => {
    expect(check(withValues(R, { seed: 7 })).problems[0]?.next).toContain(V)
  })

  it('leaves the columns that others carry alone', () => {
    expect(lines(check(withValues(R, { id: 'a-1', name: 'roof', account: 'main', 'ref 2': '' })))).toEqual([])
  })
})

describe('frame', () => {
  it.each([
    [R, { size: '1248x1632' }, { aspect_ratio: '3:4', quality: '1080p', width: 1248, height: 1632 }],
    [R, { size: '960*960' }, { aspect_ratio: '1:1', quality: '720p' }],
    [R, { aspect_ratio: '9/16', quality: '1080P' }, { width: 1080, height: 1920 }],
    [R, { size: '1280*720', aspect_ratio: '16:9', quality: '720p' }, { width: 1280 }],
    [V, { aspect_ratio: '4:3', quality: '1080' }, { size: '1632*1248', width: 1632, height: 1248 }],
    [V, { quality: '1080p' }, { size: '1920*1080' }],
    [V, { aspect_ratio: '1：1' }, { size: '960*960', quality: '720p' }],
    [V, { size: ' 832 × 1088 ' }, { size: '832*1088', aspect_ratio: '3:4', quality: '720p' }],
    ['wan2.7-reference-video', { aspect_ratio: '4:3' }, { width: 1104, height: 832 }],
    ['wan2.7-reference-video', { size: '1648*1248' }, { aspect_ratio: '4:3', quality: '1080p' }],
  ])('%s: %j becomes %j', (model, values, expected) => {
    expect(resolved(withValues(model, values))).toMatchObject(expected)
  })

  it('leaves size out where the model takes ratio and quality', () => {
    expect(resolved(withValues(R, { size: '960*960' }))).not.toHaveProperty('size')
  })

  it('leaves the frame open where the picture decides', () => {
    const order = resolved(withValues(I, { quality: '1080p' }))
    expect(order.quality).toBe('1080p')
    expect(order).not.toHaveProperty('width')
  })

  it.each([
    [V, { size: '1:1' }, 'size', 'aspect_ratio'],
    [V, { size: '720P' }, 'size', 'quality'],
    [V, { size: '1281*720' }, 'size', '1280*720'],
    [R, { aspect_ratio: '21:9' }, 'aspect_ratio', '16:9'],
    [R, { quality: '4k' }, 'quality', '1080p'],
    [R, { quality: '480p' }, 'quality', '720p'],
    [I, { quality: '480p' }, 'quality', '720p'],
    ['wan2.7-reference-video', { size: '1088*832' }, 'size', '1104*832'],
  ])('%s: %j is refused and the way out is named', (model, values, field, hint) => {
    const checked = check(withValues(model, values))
    expect(lines(checked)).toEqual([`error value-invalid ${field}`])
    expect(checked.problems[0]?.next).toContain(hint)
  })

  it('refuses a size that contradicts ratio or quality', () => {
    const values = { size: '1280*720', aspect_ratio: '9:16', quality: '1080p' }
    expect(lines(check(withValues(V, values)))).toEqual([
      'error rule-broken aspect_ratio',
      'error rule-broken quality',
    ])
  })
})

describe('model', () => {
  it('names the nearest models for an unknown one', () => {
    const checked = check(withValues(R, { model: 'wan26-r2v' }))
    expect(lines(checked)).toEqual(['error model-unknown model'])
    expect(checked.problems[0]?.next).toContain('wan26_r2v')
    expect(check(withValues(R, { model: 'wan2.6-reference-vidoe' })).problems[0]?.next).toContain(R)
  })

  it('takes a name in other case', () => {
    expect(resolved(withValues(R, { model: ' WAN2.6-Reference-Video ' })).model).toBe(R)
  })

  it('asks for a model', () => {
    expect(lines(check(withValues(R, { model: '' })))).toEqual(['error value-required model'])
  })

  it('does not send a model of one family to the other', () => {
    const checked = check(good(V), { family: 'evolink' })
    expect(lines(checked)).toEqual(['error model-unknown model'])
    expect(checked.problems[0]?.what).toContain('Vtrix')
  })

  it('names the successor of a retired model', () => {
    const checked = check(good(R), { retiredModels: [R] })
    expect(lines(checked)).toEqual(['error model-retired model'])
    expect(checked.problems[0]?.next).toContain('wan2.7-reference-video')
  })
})

describe('callback address', () => {
  it.each([
    'http://example.com/done',
    'example.com',
    'https://',
    'https://localhost/x',
    'https://127.0.0.1/x',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.5:8443/x',
    'https://169.254.169.254/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[fd00::1]/',
    'https://user@127.0.0.1/',
    'https://printer.local/',
  ])('refuses %s', (callback_url) => {
    expect(lines(check(withValues(R, { callback_url })))).toEqual(['error value-invalid callback_url'])
  })

  it.each(['https://example.com/done', 'https://172.32.0.1/x', 'https://8.8.8.8/'])(
    'sends %s, and says that this program cannot be called',
    (callback_url) => {
      const checked = check(withValues(R, { callback_url }))
      expect(lines(checked)).toEqual(['warning rule-broken callback_url'])
      expect(checked.order?.callback_url).toBe(callback_url)
    },
  )

  it('refuses more than 2048 characters', () => {
    const callback_url = `https://example.com/${'a'.repeat(2048)}`
    expect(lines(check(withValues(R, { callback_url })))).toEqual(['error value-invalid callback_url'])
  })

  it('shows no query or user of an address in a problem', () => {
    const checked = check(withValues(R, { callback_url: 'http://me:secret@example.com/a?token=secret' }))
    expect(JSON.stringify(checked.problems)).not.toContain('secret')
    expect(JSON.stringify(checked.problems)).toContain('example.com')
  })
})

describe('what an account cannot upload', () => {
  it('asks for an address for the kinds that its base refused', () => {
    expect(lines(check(good(R), { needsAddressKinds: ['video'] }))).toEqual([
      'error reference-needs-address ref 1',
    ])
    expect(lines(check(good(I), { needsAddressKinds: ['video'] }))).toEqual([])
  })
})
