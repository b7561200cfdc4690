import { copyFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Finding,
  layOut,
  listFindings,
  nameRows,
  SHOWN_OF_A_KIND,
} from '../../../src/main/hosts/cli/problem-table.ts'
import { widthOf } from '../../../src/main/hosts/cli/words.ts'
import type { CheckedRow } from '../../../src/shared/check.ts'
import { type Problem, problem } from '../../../src/shared/problem.ts'
import { BOAT, Desk } from './cli.ts'

const TIMEOUT = 40_000
const MESSY = resolve(import.meta.dirname, '../../../resources/samples/messy.csv')

const findingsOf = (records: Record<string, unknown>[]): Finding[] =>
  records.filter(({ type }) => type === 'problem') as unknown as Finding[]

/** What distinguishes one fault from another for the person who mends it. */
const kindOf = ({ code, column, rule, what }: Finding): string =>
  `${code} ${column} ${rule === code ? '' : rule} ${what.replace(/[^ ]*\d[^ ]*|[“"][^”"]*[”"]/gu, '#')}`

describe('the messy sample', () => {
  it(
    'shows each problem with row, column, rule and fix, the same as a table and as JSON',
    async () => {
      const desk = new Desk()
      const table = await desk.run('check', MESSY)
      const json = await desk.run('check', MESSY, '--json')
      expect([table.code, json.code]).toEqual([2, 2])
      expect([table.stderr, json.stderr]).toEqual(['', ''])
      const findings = findingsOf(json.records)
      const ofRows = findings.filter(({ row }) => row !== null)
      const lines = table.stdout.split('\n')
      const heads = lines.flatMap((line, index) => (/^ *\d+ {2}/.test(line) ? [index] : []))
      expect(heads).toHaveLength(ofRows.length)
      for (const [index, found] of ofRows.entries()) {
        const head = lines[heads[index] ?? 0] ?? ''
        expect(Number(/^ *(\d+)/.exec(head)?.[1])).toBe(found.row)
        expect(head).toContain(found.column ?? '')
        expect(head).toContain(found.code)
        expect(head).toContain(found.fixes[0]?.label ?? 'by hand')
        const page = /\[\d+\]/.exec(head.slice(head.indexOf(found.code)))?.[0]
        if (found.place.source === undefined) expect(page).toBeUndefined()
        else expect(lines).toContain(`${page} ${found.place.source}`)
        const sentence = lines[(heads[index] ?? 0) + 1] ?? ''
        expect(sentence.replace('reelsheet --home ', 'reelsheet ')).toContain(found.what.slice(0, 60))
      }
      for (const { what } of findings.filter(({ row }) => row === null)) expect(table.stdout).toContain(what)
      const { rowCount, ready, withProblems } = json.records.at(-1) as Record<string, number>
      expect(table.stdout).toContain(`${rowCount} rows: ${ready} ready, ${withProblems} with problems.`)
    },
    TIMEOUT,
  )

  it(
    'has far more than fifteen problems that differ, each in a row of its own, beside rows that are good',
    async () => {
      const { records } = await new Desk().run('check', MESSY, '--json')
      const findings = findingsOf(records)
      const errors = findings.filter(({ level, row }) => level === 'error' && row !== null)
      const byRow = Map.groupBy(errors, ({ row }) => row)
      const alone = [...byRow.values()].filter((each) => each.length === 1).flat()
      expect(new Set(alone.map(kindOf)).size).toBeGreaterThanOrEqual(30)
      expect(new Set(alone.map(({ code, column }) => `${code} ${column}`)).size).toBeGreaterThanOrEqual(20)
      expect(new Set(errors.map(({ code }) => code)).size).toBeGreaterThanOrEqual(12)
      for (const found of errors) {
        expect(found.rule, found.what).not.toBe('')
        expect(found.next, found.what).not.toBe('')
        expect(found.place.row).toBe(found.row)
        for (const fix of found.fixes) expect(fix.label).not.toBe('')
      }
      // Cells are named as the sheet names them, in whatever language.
      expect(new Set(errors.map(({ column }) => column))).toContain('时长')
      expect(errors.map(({ column }) => column)).not.toContain('duration')
      // Every kind of fix that needs no account of one's own is there.
      expect(new Set(errors.flatMap(({ fixes }) => fixes.map(({ type }) => type)))).toEqual(
        new Set(['set', 'fit', 'trim']),
      )
      expect(errors.filter(({ fixes }) => fixes.length > 0).length).toBeGreaterThan(25)
      for (const row of [1, 2, 3]) expect(byRow.has(row)).toBe(false)
      const equal = findings.filter(({ code, level }) => code === 'row-repeated' && level === 'warning')
      expect(equal).toMatchObject([{ row: 42 }])
      expect(equal[0]?.what).toContain('row 41')
    },
    TIMEOUT,
  )
})

it(
  'says a fault of many rows twenty times, and counts the rest',
  async () => {
    const desk = new Desk()
    copyFileSync(BOAT, join(desk.folder, 'boat.png'))
    const rows = Array.from(
      { length: 45 },
      (_, index) => `r${index},wan2.6-image-to-video-flash,p,${index === 29 ? 2 : 99},720p,boat.png`,
    )
    const sheet = desk.write('many.csv', ['id,model,prompt,duration,quality,ref 1', ...rows].join('\n'))
    const some = await desk.run('check', sheet)
    expect(some.stdout.match(/Use 15 s$/gm)).toHaveLength(SHOWN_OF_A_KIND)
    expect(some.stdout).toContain('and 24 more rows with value-invalid in duration: 21–29, 31–45')
    expect(some.stdout).toContain('--all')
    const all = await desk.run('check', sheet, '--all')
    expect(all.stdout.match(/Use 15 s$/gm)).toHaveLength(44)
    expect(all.stdout).not.toContain('more rows')
    const json = await desk.run('check', sheet, '--json')
    expect(findingsOf(json.records)).toHaveLength(44)
    expect(json.records.at(-1)).toMatchObject({
      type: 'summary',
      exitCode: 2,
      problems: 44,
      withProblems: 44,
    })
  },
  TIMEOUT,
)

it(
  'offers what the sheet, its folder and the person’s accounts have',
  async () => {
    const desk = new Desk()
    desk.environment = { REELSHEET_KEY_STUDIO: 'sk-canary' }
    copyFileSync(BOAT, join(desk.folder, 'boat.png'))
    copyFileSync(join(BOAT, '../waltz.mp3'), join(desk.folder, 'waltz.mp3'))
    const added = await desk.run('accounts', 'add', 'studio', '--family', 'evolink')
    expect(added.code).toBe(0)
    const I = 'wan2.6-image-to-video-flash'
    const V = 'wan26_r2v'
    const rows = [
      '编号,model,prompt,duration,images,音频,account',
      `a,${I},p,2,baot.png,,practice`,
      `a,${I},p,2,boat.png,,practise`,
      `a-2,${I},p,2,http://media.example.com/x.png,,practice`,
      `a,${I},p,2,boat.png,,studoi`,
      `b,${V},p,2,boat.png,,studio`,
      `c,${V},p,2,boat.png,waltz.mp3,practice`,
      `d,${I},p,2,boat.png|boat.png,,practice`,
      `e,${I},p,2,boat.png|baot.png,,practice`,
      `f,${I},p,2,https://media.example.com/picture?signature=canary,,practice`,
    ]
    const { code, records, stdout } = await desk.run(
      'check',
      desk.write('own.csv', rows.join('\n')),
      '--json',
    )
    expect(code).toBe(2)
    const fixes = findingsOf(records).flatMap((found) =>
      found.fixes.map((fix) => {
        const to =
          fix.type === 'set' ? `${fix.column} = ${fix.value}` : fix.type === 'file-host' ? fix.account : ''
        return `${found.row} ${found.code}: ${fix.type} ${to}`
      }),
    )
    expect(fixes).toEqual([
      '1 reference-missing: set images = boat.png',
      '2 account-unknown: set account = practice',
      '2 row-repeated: set 编号 = a-3',
      '3 address-refused: set images = https://media.example.com/x.png',
      '4 account-unknown: set account = studio',
      '4 row-repeated: set 编号 = a-4',
      '6 reference-needs-address: file-host practice',
      '6 reference-needs-address: file-host studio',
      '6 reference-needs-address: set 音频 = ',
      '6 rule-broken: set 音频 = ',
      '7 reference-limit: set images = boat.png',
      '8 reference-missing: set images = boat.png | boat.png',
    ])
    expect(stdout).not.toContain('canary')
  },
  TIMEOUT,
)

describe('the table of problems', () => {
  const row = (number: number, problems: Problem[], variant = 1) =>
    ({ row: number, variant, problems }) as unknown as CheckedRow
  const short = problem('value-invalid', 'It is long.', 'Shorten it.', { column: 'duration', value: '99' })

  it('says once what is wrong with all jobs of a row', () => {
    const rows = [row(1, [short]), row(1, [short], 2), row(2, [short])]
    const findings = listFindings({ columns: [], rows, problems: [] })
    expect(findings.map((each) => each.row)).toEqual([1, 2])
  })

  it('says nothing of cells that may stand in wrong columns', () => {
    const torn = problem('sheet-unreadable', 'Row 1 has 9 cells.', 'Use quotes.')
    const findings = listFindings({ columns: [], rows: [row(1, [short, torn])], problems: [] })
    expect(findings.map(({ code }) => code)).toEqual(['sheet-unreadable'])
  })

  it('names columns as the sheet does, and shows no query of an address', () => {
    const given = problem('address-refused', 'No.', 'Use https.', {
      column: 'duration',
      value: 'https://a.example/x.png?signature=secret',
    })
    const columns = [{ header: '时长', field: 'duration', confidence: 'synonym' as const }]
    const [found] = listFindings({ columns, rows: [row(1, [given])], problems: [] })
    expect(found).toMatchObject({
      column: '时长',
      value: 'https://a.example/x.png?…',
      rule: 'address-refused',
    })
  })

  it('keeps its columns under one another beside wide characters, and no code steers the terminal', () => {
    const wide = problem('value-invalid', 'x\u001b[2Jy.', 'z.', {
      column: '提示词',
      value: '太长的提示词'.repeat(9),
    })
    const { heading, entries } = layOut(
      listFindings({ columns: [], rows: [row(1, [short]), row(100_000, [wide])], problems: [] }),
      false,
    )
    const at = widthOf(heading.slice(0, heading.indexOf('rule')))
    for (const { line } of entries) expect(widthOf(line.slice(0, line.indexOf('value-invalid')))).toBe(at)
    expect(entries.map(({ sentence }) => sentence).join()).not.toContain('\u001b')
  })

  it.each([
    [[21, 22, 23], '21–23'],
    [[1, 2, 5], '1, 2, 5'],
    [[7], '7'],
    [[1, 3, 5, 7, 9, 11, 13, 15], '1, 3, 5, 7, 9, 11, …'],
  ])('names rows %j as %s', (rows, expected) => {
    expect(nameRows(rows)).toBe(expected)
  })
})
