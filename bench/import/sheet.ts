/** The sheet that the import is measured with. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const MEDIA = resolve(import.meta.dirname, '../../resources/sample/media')
const PICTURES = ['glass-garden.jpg', 'lake-at-dusk.jpg', 'paper-boat.png', 'ringed-planet.webp']
const FILMS = ['colony.mp4', 'deep-dive.mp4']

const HEADERS = 'id,name,model,prompt,duration,size,quality,ref 1,prompt_extend,watermark,scene'

const SUBJECTS = ['a lighthouse keeper', 'two children', 'an old tram', 'a grey heron', 'the last glacier']
const MOODS = ['in slanting rain', 'at first light', 'under sodium lamps', 'in thin mountain air']
const CAMERAS = ['slow dolly in', 'hand-held, close', 'crane up and over', 'locked off, wide']

/**
 * Writes a sheet with one reference a row and returns its path. The prompts have about 120 characters and no
 * two are equal. Three rows in four share six pictures and films, as a series with recurring characters does;
 * the fourth names a picture of its own by its address.
 */
export function writeSheet(folder: string, rows: number): string {
  mkdirSync(join(folder, 'media'), { recursive: true })
  for (const name of [...PICTURES, ...FILMS]) copyFileSync(join(MEDIA, name), join(folder, 'media', name))
  const lines = [HEADERS]
  for (let row = 1; row <= rows; row++) lines.push(line(row))
  const path = join(folder, `sheet-${rows}.csv`)
  writeFileSync(path, `${lines.join('\r\n')}\r\n`)
  return path
}

function line(row: number): string {
  const isFilm = row % 3 === 0
  const isAddress = row % 4 === 0
  const picture = isAddress
    ? `https://media.example.com/stills/${row}.jpg`
    : `media/${PICTURES[row % PICTURES.length]}`
  return [
    `shot-${row}`,
    `Scene ${Math.ceil(row / 12)} take ${row % 12}`,
    isFilm ? 'wan2.6-reference-video' : 'wan2.6-image-to-video-flash',
    `"${promptOf(row)}"`,
    row % 2 === 0 ? '5' : '10',
    isFilm ? '1280*720' : '',
    isFilm ? '' : row % 5 === 0 ? '1080p' : '720p',
    isFilm ? `media/${FILMS[row % FILMS.length]}` : picture,
    !isFilm && row % 7 === 0 ? 'true' : '',
    '',
    `act ${Math.ceil(row / 500)}`,
  ].join(',')
}

function promptOf(row: number): string {
  const subject = SUBJECTS[row % SUBJECTS.length]
  const mood = MOODS[row % MOODS.length]
  const camera = CAMERAS[Math.floor(row / 4) % CAMERAS.length]
  return `Shot ${row}: ${subject} ${mood}, dust and pollen in the air, ${camera}; the sound of a far ""bell"", nobody speaks.`
}
