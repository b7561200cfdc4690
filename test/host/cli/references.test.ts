import { copyFileSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { flat } from '../../support/odd-pictures.ts'
import { BOAT, Desk } from './cli.ts'

const SAMPLES = resolve('resources/sample/media')

/** A folder with a banner that no model takes, a film, a sound and something that is no media at all. */
async function plantShots(desk: Desk): Promise<string> {
  const shots = join(desk.folder, 'shots')
  mkdirSync(join(shots, 'below'), { recursive: true })
  await flat(4000, 300, 4).png().toFile(join(shots, 'banner.png'))
  copyFileSync(join(SAMPLES, 'colony.mp4'), join(shots, 'below', 'colony.mp4'))
  copyFileSync(join(SAMPLES, 'waltz.mp3'), join(shots, 'below', 'waltz.mp3'))
  desk.write('shots/notes.txt', 'nothing')
  desk.write('shots/liar.jpg', '<html></html>')
  return shots
}

test('a folder is added, and every file that is not taken has its sentence', async () => {
  const desk = new Desk()
  const shots = await plantShots(desk)
  const added = await desk.run('references', 'add', shots)
  expect(added.code).toBe(2)
  expect(added.stdout).toMatch(/liar\.jpg is a web page \(HTML\), whatever its name says/)
  expect(added.stdout).toMatch(/3 references added, 1 file not taken/)
  const again = await desk.run('references', 'add', `${shots}/**/*.mp?`, BOAT, '--json')
  expect(again.code).toBe(0)
  expect(again.records.at(-1)).toMatchObject({ added: 1, known: 2, problems: 0 })
  const videos = await desk.run('references', 'list', '--kind', 'video', '--json')
  expect(videos.records.map(({ type, name }) => [type, name])).toEqual([
    ['reference', 'colony.mp4'],
    ['summary', undefined],
  ])
  expect((await desk.run('references', 'list', '--search', 'BANN')).stdout).toMatch(/banner\.png.*4000x300/)
})

test('a picture is fitted, a film is cut, a moved original is found; what was there stays', async () => {
  const desk = new Desk()
  const shots = await plantShots(desk)
  const banner = readFileSync(join(shots, 'banner.png'))
  await desk.run('references', 'add', shots)
  const shown = await desk.run('references', 'show', '1')
  expect(shown.stdout).toMatch(/wan26_r2v.*both sides must be 360 to 2000 px/)
  expect(shown.stdout).toMatch(/references fit 1/)
  const fitted = await desk.run('references', 'fit', '1', '--background', '#000000')
  expect(fitted.stdout).toMatch(
    /Reference 4: banner-fitted\.png, png, 2000x360, .*scaled from 4000 x 300 to 2000 x 360 on black/,
  )
  expect(readFileSync(join(shots, 'banner.png')).equals(banner)).toBe(true)
  expect((await desk.run('references', 'fit', '4')).stdout).toMatch(/fits as it is: no copy was made/)
  const file = await desk.run('references', 'fit', join(shots, 'banner.png'), '--json')
  expect(file.records[0]).toMatchObject({ sourceId: 1, width: 2000, height: 360, isNew: true })
  const cut = await desk.run('references', 'trim', '2', '--seconds', '2', '--json')
  expect(cut.records[0]).toMatchObject({ name: 'colony-cut.mp4', sourceId: 2, kind: 'video' })
  renameSync(join(shots, 'banner.png'), join(shots, 'below', 'renamed.png'))
  expect((await desk.run('references', 'show', '1')).stdout).toMatch(/not there any more/)
  // The whole folder of the test, with the data folder and its copies in it.
  const found = await desk.run('references', 'relink', desk.folder)
  expect(found.stdout).toContain(`banner.png is at ${join(shots, 'below', 'renamed.png')}`)
  expect((await desk.run('references', 'relink', shots)).stdout).toMatch(/Every original is where it was/)
})

test.each([
  [['show', '7'], /no reference 7/],
  [['fit', 'gone.png'], /gone\.png does not exist/],
  [['fit', '1', '--model', 'nobody'], /no model "nobody"/],
  [['trim', '1'], /--seconds/],
  [['add', 'nowhere/*.png'], /nowhere does not exist/],
])('%j is refused in a sentence', async (args, words) => {
  const desk = new Desk()
  const { code, stderr } = await desk.run('references', ...args)
  expect([code, stderr]).toEqual([2, expect.stringMatching(words)])
})
