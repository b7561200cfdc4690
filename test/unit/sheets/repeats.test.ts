import { describe, expect, it } from 'vitest'
import { parseSheet } from '../../../src/main/core/sheets/read.ts'
import { findRepeats } from '../../../src/main/core/sheets/repeats.ts'
import { atOnce } from '../../../src/main/core/sheets/steps.ts'

const repeats = (text: string) =>
  atOnce(findRepeats(parseSheet(new TextEncoder().encode(text)).rows)).map(({ problem }) => [
    problem.place.row,
    problem.level,
    problem.code,
  ])

describe('findRepeats', () => {
  it('points out equal rows by the first of them, whatever surrounds the text', () => {
    expect(repeats('prompt,ref 1\na,x.png\nb,x.png\na ,x.png\na,x.png\n')).toEqual([
      [3, 'warning', 'row-repeated'],
      [4, 'warning', 'row-repeated'],
    ])
  })

  it('sees a difference in references, sound file or id', () => {
    expect(repeats('prompt,ref 1,ref 2,audio,id\na,x,y,,1\na,y,x,,2\na,x,y,m.mp3,3\na,x,y,,4\n')).toEqual([])
  })

  it('does not mind columns that fill nothing', () => {
    expect(repeats('prompt,note\na,one\na,two\n')).toEqual([[2, 'warning', 'row-repeated']])
  })

  it('refuses the later of two equal ids', () => {
    expect(repeats('prompt,id\na,1\nb,2\nc,1\n')).toEqual([[3, 'error', 'row-repeated']])
  })
})
