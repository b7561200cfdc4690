/**
 * Whether a path below a folder is named by a pattern: `*` any part of a name, `?` one sign, `**` any folders.
 * Capitals do not matter; every other sign stands for itself, because brackets and braces stand in many names.
 * Both are cut at their slashes. Takes at most length times length steps, whatever the pattern.
 */
export function isNamedBy(pattern: readonly string[], parts: readonly string[]): boolean {
  return fits(parts, pattern, (part) => part === '**', isNameLike)
}

function isNameLike(name: string, pattern: string): boolean {
  const isSign = (sign: string, wanted: string): boolean => wanted === '?' || sign === wanted
  return fits([...name.toLowerCase()], [...pattern.toLowerCase()], (sign) => sign === '*', isSign)
}

/** Goes back only to the last sign that takes many: a regular expression would try every split of every one. */
function fits(
  items: readonly string[],
  pattern: readonly string[],
  takesMany: (wanted: string) => boolean,
  isLike: (item: string, wanted: string) => boolean,
): boolean {
  let at = 0
  let wantedAt = 0
  let many: { wantedAt: number; at: number } | undefined
  while (at < items.length) {
    const wanted = pattern[wantedAt]
    if (wanted !== undefined && takesMany(wanted)) {
      many = { wantedAt, at }
      wantedAt += 1
    } else if (wanted !== undefined && isLike(items[at] ?? '', wanted)) {
      at += 1
      wantedAt += 1
    } else if (many) {
      many.at += 1
      at = many.at
      wantedAt = many.wantedAt + 1
    } else return false
  }
  return pattern.slice(wantedAt).every(takesMany)
}
