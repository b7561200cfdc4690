import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapeCell, keepQuotes, unescapeCell } from '../../../src/main/core/sheets/escape.ts'

describe('the escape', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@a', "'@a"],
    ['\tx', "'\tx"],
    ['\rx', "'\rx"],
    ['\0x', "'\0x"],
    ["'=1", "''=1"],
    ["'hello'", "'hello'"],
    ['a=1', 'a=1'],
    ['', ''],
  ])('of %j is %j and back', (plain, escaped) => {
    expect(escapeCell(plain)).toBe(escaped)
    expect(unescapeCell(escaped)).toBe(plain)
  })

  it('leaves what it would not have written', () => {
    expect(unescapeCell("'hello")).toBe("'hello")
    expect(unescapeCell("'")).toBe("'")
  })

  it('is undone exactly, for any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '\0', 'a', '＝'))
        .map((all) => all.join('')),
    )
    fc.assert(
      fc.property(text, (cell) => {
        expect(unescapeCell(escapeCell(cell))).toBe(cell)
        expect(unescapeCell(keepQuotes(cell))).toBe(cell)
        if (!cell.startsWith("'")) expect(keepQuotes(cell)).toBe(cell)
        expect(escapeCell(cell)).not.toMatch(/^[=+\-@\t\r\n\0]/u)
      }),
    )
  })
})
