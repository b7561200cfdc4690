import { expect, test } from 'vitest'
import { fitPicture } from '../../src/main/core/references/fit.ts'
import { limitsOf, pictureLimits } from '../../src/main/core/references/limits.ts'
import { probeBytes } from '../../src/main/core/references/probe.ts'
import { toFacts } from '../../src/main/core/references/resolve.ts'
import { MODELS } from '../../src/shared/models/catalogue.ts'
import { type Bench, openBench, picture, upload, vtrix } from '../practice/harness.ts'
import { makeOddPictures } from '../support/odd-pictures.ts'

const EVOLINK = [
  'wan2.6-image-to-video-flash',
  'wan2.6-image-to-video',
  'wan2.5-image-to-video',
  'wan2.7-image-to-video',
  'wan2.7-reference-video',
]

/** Uploads a picture and orders a clip of it from every model; gives what was refused. */
async function refusalsOf(
  bench: Bench,
  bytes: Buffer,
  name: string,
  type: string,
  models = EVOLINK,
): Promise<unknown[]> {
  const sent = await upload(bench, bytes, name, type)
  if (sent.body.success !== true) return [sent.body]
  const refused: unknown[] = []
  for (const model of models) {
    const order =
      model === 'wan2.7-image-to-video'
        ? { image_start: sent.body.data.file_url, image_urls: undefined }
        : { image_urls: [sent.body.data.file_url] }
    const made = await bench.post('/v1/videos/generations', picture({ ...order, model }))
    if (made.status !== 200) refused.push({ model, ...made.body })
  }
  const inline = `data:${type};base64,${bytes.toString('base64')}`
  const made = await bench.post(
    '/model/v1/generation',
    vtrix('character1 waves', undefined, { reference_urls: [inline] }),
  )
  if (made.status !== 200) refused.push({ model: 'wan26_r2v', ...made.body })
  return refused
}

test('every model that takes pictures is among those that are asked', () => {
  const taking = MODELS.filter((model) => model.slots.some((slot) => slot.kinds.includes('image')))
  expect(taking.map(({ id }) => id).sort()).toEqual([...EVOLINK, 'wan26_r2v'].sort())
})

test('50 odd pictures are refused as they are and taken by every model when they are fitted', async () => {
  const bench = await openBench()
  for (const { name, bytes } of await makeOddPictures(50, 4)) {
    const before = await probeBytes(bytes, name)
    expect(limitsOf(toFacts(before, name)), name).not.toEqual([])
    expect(await refusalsOf(bench, bytes, name, before.mediaType, EVOLINK.slice(0, 1)), name).not.toEqual([])

    const fitted = await fitPicture(bytes, pictureLimits(), '#336699', name)
    if (!fitted) throw new Error(`${name} was not fitted`)
    const type = `image/${fitted.format}`
    const after = await probeBytes(fitted.bytes, name)
    expect(after, name).toMatchObject({ mediaType: type, width: fitted.width, height: fitted.height })
    expect(limitsOf(toFacts(after, name)), name).toEqual([])
    expect(await refusalsOf(bench, fitted.bytes, `fitted-${name}`, type), name).toEqual([])
  }
})
