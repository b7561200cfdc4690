import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveReference } from '../../../src/main/core/references/resolve.ts'
import { ProblemError } from '../../../src/shared/problem.ts'

let root = ''
let sheets = ''
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'reelsheet-resolve-'))
  sheets = path.join(root, 'sheets')
  await mkdir(path.join(sheets, 'media', 'sub'), { recursive: true })
  await mkdir(path.join(sheets, 'folder.mp4'))
  for (const name of ['sheets/media/Cat.png', 'sheets/media/sub/a b.mp4', 'outside.jpg', 'sheets/100%.png']) {
    await writeFile(path.join(root, name), 'x')
  }
})
afterAll(() => rm(root, { recursive: true }))

async function problemOf(text: string) {
  const error = await resolveReference(text, sheets).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ProblemError)
  return (error as ProblemError).problem
}

describe('a path', () => {
  it.each([
    ['media/Cat.png', 'sheets/media/Cat.png'],
    ['./media/../media/Cat.png', 'sheets/media/Cat.png'],
    ['"media/Cat.png"', 'sheets/media/Cat.png'],
    [' media/Cat.png ', 'sheets/media/Cat.png'],
    ['media\\sub\\a b.mp4', 'sheets/media/sub/a b.mp4'],
    ['../outside.jpg', 'outside.jpg'],
    ['100%.png', 'sheets/100%.png'],
  ])('%s', async (text, expected) => {
    expect(await resolveReference(text, sheets)).toEqual({ kind: 'file', path: path.join(root, expected) })
  })

  it('absolute, and as a file address', async () => {
    const file = path.join(sheets, 'media', 'sub', 'a b.mp4')
    expect(await resolveReference(file, '/')).toEqual({ kind: 'file', path: file })
    expect(await resolveReference(pathToFileURL(file).href, '/')).toEqual({ kind: 'file', path: file })
  })

  it('in the home folder', async () => {
    const found = await problemOf('~/no-such-folder-of-reelsheet/a.png')
    expect(found.what).toContain(path.join(homedir(), 'no-such-folder-of-reelsheet', 'a.png'))
  })

  it.each([
    ['media/cat.png', 'Cat.png'],
    ['media/Cat.jpg', 'Cat.png'],
    ['media/Cta.png', 'Cat.png'],
    ['media\\sub\\a_b.mp4', 'a b.mp4'],
  ])('%s is missing and resembles %s', async (text, near) => {
    const found = await problemOf(text)
    expect(found.code).toBe('reference-missing')
    expect(found.next).toContain(`"${near}"`)
  })

  it('that is missing names the whole path tried', async () => {
    const found = await problemOf('media/elephant.webp')
    expect(found.what).toContain(path.join(sheets, 'media', 'elephant.webp'))
    expect(found.next).toMatch(/starts at the folder of the sheet/)
  })

  it('of giant length is cut in the sentence', async () => {
    expect(JSON.stringify(await problemOf('x'.repeat(90_000))).length).toBeLessThan(2000)
  })

  it('of a folder, of a Windows drive, of nothing', async () => {
    expect(await problemOf('folder.mp4')).toMatchObject({ code: 'reference-unreadable' })
    expect((await problemOf('C:\\Users\\me\\cat.png')).what).toMatch(/Windows/)
    expect(await problemOf('  ')).toMatchObject({ code: 'value-invalid' })
  })
})

describe('an address', () => {
  it.each([
    ['https://cdn.example.com/a.JPG', 'image'],
    ['https://cdn.example.com/a.mp4?sig=1', 'video'],
    ['https://cdn.example.com/get?file=a.mov', 'video'],
    ['https://cdn.example.com/get?id=7#.mp3', 'audio'],
    ['http://127.0.0.1:8080/a.png', 'image'],
    ['http://[::1]:8080/a.png', 'image'],
    ['http://localhost/a.png', 'image'],
  ])('%s is of kind %s', async (text, mediaKind) => {
    const url = text.replace(/#.*$/, '')
    expect(await resolveReference(text, sheets)).toEqual({ kind: 'address', url, mediaKind })
  })

  it('without an extension takes the kind of its column', async () => {
    const text = 'https://cdn.example.com/asset/42'
    expect(await resolveReference(text, sheets, 'audio')).toMatchObject({ mediaKind: 'audio' })
    expect(await problemOf(text)).toMatchObject({ code: 'reference-kind' })
  })

  it.each([
    'http://cdn.example.com/a.png',
    'http://127.0.0.1.example.com/a.png',
    'http://10.0.0.1/a.png',
    'https://',
    'https://user:secret@cdn.example.com/a.png',
    'ftp://example.com/a.png',
  ])('%s is refused', async (text) => {
    const found = await problemOf(text)
    expect(found.code).toBe('address-refused')
    expect(JSON.stringify(found)).not.toContain('secret')
  })

  it('is never shown with its signature', async () => {
    expect(JSON.stringify(await problemOf('http://a.example/b.png?signature=canary'))).not.toContain('canary')
  })
})

describe('a data address', () => {
  it('gives its bytes', async () => {
    const found = await resolveReference('data:image/png;base64,iVBORw==', sheets)
    expect(found).toMatchObject({ kind: 'data', mediaType: 'image/png' })
    expect(found.kind === 'data' && Buffer.from(found.bytes).toString('latin1')).toBe('\x89PNG')
  })

  it.each([
    'data:image/png,plain',
    'data:image/png;base64,',
    'data:image/png;base64,%%%',
    'data:;base64,AAAA',
    'data:x',
  ])('%s is refused', async (text) => {
    expect(await problemOf(text)).toMatchObject({ code: 'reference-unreadable' })
  })
})

it('any text gives a place or a sentence', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string().map((rest) => `file://${rest}`),
    fc.string().map((rest) => `data:${rest}`),
    fc.string().map((rest) => `~/${rest}`),
  )
  await fc.assert(
    fc.asyncProperty(text, async (written) => {
      const outcome = await resolveReference(written, sheets).catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ProblemError)
      else expect(outcome).toHaveProperty('kind')
    }),
    { numRuns: 500 },
  )
})
