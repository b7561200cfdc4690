import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dataUri, type SizedSource, type SizedStream } from '../../../src/main/core/references/data-uri.ts'
import { jsonWithInline } from '../../../src/main/core/references/inline.ts'

const sourceOf = (...chunks: Uint8Array[]): SizedSource => ({
  sizeBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  stream: () => Readable.from(chunks, { objectMode: false }),
})
const textOf = async (sized: SizedStream) => (await buffer(sized.stream())).toString('utf8')

describe('dataUri', () => {
  it('is the data address of any bytes, however they are cut, of the length it said', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 }), async (parts) => {
        const chunks = parts.filter((part) => part.length > 0)
        const built = dataUri(sourceOf(...chunks), 'image/png')
        const text = await textOf(built)
        expect(text).toBe(`data:image/png;base64,${Buffer.concat(chunks).toString('base64')}`)
        expect(text.length).toBe(built.length)
      }),
    )
  })

  it('can be read twice', async () => {
    const built = dataUri(sourceOf(Buffer.from('hello')), 'image/png')
    expect(await textOf(built)).toBe(await textOf(built))
  })

  it('carries 100 MB in small chunks, pulled and not hoarded', async () => {
    const block = Buffer.alloc(1 << 20, 1)
    const blocks = 100
    let given = 0
    function* give() {
      for (; given < blocks; given += 1) yield block
    }
    const built = dataUri(
      { sizeBytes: block.length * blocks, stream: () => Readable.from(give(), { objectMode: false }) },
      'video/mp4',
    )
    let length = 0
    let largest = 0
    let farthestAhead = 0
    for await (const chunk of built.stream()) {
      length += chunk.length
      largest = Math.max(largest, chunk.length)
      farthestAhead = Math.max(farthestAhead, given * block.length - (length / 4) * 3)
    }
    expect(length).toBe(built.length)
    expect(largest).toBeLessThanOrEqual(256 * 1024)
    expect(farthestAhead).toBeLessThan(8 << 20)
  })

  it.each([4, 6])('fails when %i bytes were promised and 5 come', async (sizeBytes) => {
    const built = dataUri({ ...sourceOf(Buffer.from('12345')), sizeBytes }, 'image/png')
    await expect(buffer(built.stream())).rejects.toThrow(/were promised/)
  })

  it('fails when its source fails', async () => {
    const stream = () =>
      Readable.from(
        (function* () {
          yield Buffer.from('12')
          throw new Error('disk gone')
        })(),
        { objectMode: false },
      )
    await expect(buffer(dataUri({ sizeBytes: 3, stream }, 'image/png').stream())).rejects.toThrow('disk gone')
  })
})

describe('jsonWithInline', () => {
  const hash = 'ab'.repeat(32)
  const other = 'cd'.repeat(32)
  const bytes = Buffer.from('a picture')
  const address = `data:image/png;base64,${bytes.toString('base64')}`
  const mark = (of = hash) => `data:image/png;sha256=${of}`
  const open = (sha256: string) => {
    if (sha256 !== hash) throw new Error(`no ${sha256}`)
    return sourceOf(bytes)
  }
  const parse = async (body: unknown, hashes?: ReadonlySet<string>) => {
    const built = jsonWithInline(body, open, hashes)
    const text = await textOf(built)
    expect(Buffer.byteLength(text)).toBe(built.length)
    return JSON.parse(text) as unknown
  }

  it('puts real bytes in array and field positions', async () => {
    const body = {
      model: 'wan26_r2v',
      input: { prompt: 'x', reference_urls: [mark(), 'https://a.example/b.png', mark()], audio_url: mark() },
    }
    expect(await parse(body)).toEqual({
      model: 'wan26_r2v',
      input: {
        prompt: 'x',
        reference_urls: [address, 'https://a.example/b.png', address],
        audio_url: address,
      },
    })
  })

  it('leaves prompts, keys and longer texts as written', async () => {
    const body = {
      prompt: mark(),
      negative_prompt: mark(),
      [mark()]: 1,
      a: ` ${mark()}`,
      b: `${mark()}0`,
      c: `${mark()}\n`,
      d: `data:image/png;sha256=${hash.toUpperCase()}`,
      e: `data:image/"png;sha256=${hash}`,
    }
    expect(await parse(body)).toEqual(body)
  })

  it('replaces only given hashes, and fails rather than send the mark of an unknown one', async () => {
    expect(await parse([mark(), mark(other)], new Set([hash]))).toEqual([address, mark(other)])
    expect(() => jsonWithInline([mark(other)], open)).toThrow(`no ${other}`)
  })

  it('is JSON.stringify for everything else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (body) => {
        expect(await textOf(jsonWithInline(body, open))).toBe(JSON.stringify(body))
      }),
    )
    expect(await textOf(jsonWithInline({ a: undefined, b: [undefined], c: '猫"\n' }, open))).toBe(
      '{"b":[null],"c":"猫\\"\\n"}',
    )
  })
})
