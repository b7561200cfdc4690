import { describe, expect, it } from 'vitest'
import { moveToModel } from '../../../src/shared/models/successor.ts'
import { lines } from './orders.ts'

const R = 'wan2.6-reference-video'
const R27 = 'wan2.7-reference-video'

describe('moving a row to another model', () => {
  it('keeps what fits, as written', () => {
    const values = {
      model: R,
      prompt: 'A dancer',
      duration: '10',
      quality: '1080p',
      aspect_ratio: '9:16',
      id: 'a-1',
    }
    expect(moveToModel(values, R27)).toEqual({ values: { ...values, model: R27 }, problems: [] })
  })

  it('reports what does not fit and leaves it out', () => {
    const values = { model: R, prompt: 'A dancer', shot_type: 'multi', callback_url: 'https://example.com/x' }
    const moved = moveToModel(values, R27)
    expect(moved.values).toEqual({ model: R27, prompt: 'A dancer' })
    expect(lines(moved)).toEqual(['error value-unused shot_type', 'warning value-unused callback_url'])
  })

  it('reports a value out of the new range', () => {
    const moved = moveToModel({ model: 'wan26_r2v', prompt: 'x', seed: 0, prompt_extend: 'no' }, R27)
    expect(lines(moved)).toEqual(['error value-invalid seed'])
    expect(moved.values).toEqual({ model: R27, prompt: 'x', prompt_extend: 'no' })
  })

  it('turns a size into the ratio and tier it meant, which have other pixels in the new model', () => {
    const moved = moveToModel({ model: 'wan26_r2v', prompt: 'x', size: '1088x832', prompt_extend: 1 }, R27)
    expect(moved).toEqual({
      values: { model: R27, prompt: 'x', prompt_extend: 1, aspect_ratio: '4:3', quality: '720p' },
      problems: [],
    })
  })

  it('writes the old default of prompt_extend out where the new one differs', () => {
    const moved = moveToModel({ model: 'wan2.6-image-to-video-flash', prompt: 'x' }, 'wan2.7-image-to-video')
    expect(moved.values.prompt_extend).toBe(true)
    expect(lines(moved)).toEqual(['info rule-broken prompt_extend'])
  })

  it('says that references are named otherwise', () => {
    const moved = moveToModel({ model: R, prompt: 'character1 waves' }, R27)
    expect(lines(moved)).toEqual(['warning rule-broken prompt'])
  })

  it('changes nothing for a model it does not know', () => {
    const values = { model: R, prompt: 'x' }
    expect(moveToModel(values, 'wan9')).toEqual({ values, problems: [] })
  })
})
