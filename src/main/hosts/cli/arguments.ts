import { InvalidArgumentError } from 'commander'

/** A whole number from `least` to `most`, as typed. */
export const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const number = Number(text)
    if (!(number >= least && number <= most) || !/^\d+$/.test(text)) {
      const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`
      throw new InvalidArgumentError(`Give a whole number ${range}.`)
    }
    return number
  }

export const positive = (text: string): number => {
  const number = Number(text)
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('Give a number above 0.')
  return number
}

/** For options that may be given more than once. */
export const gather = (text: string, before: string[] = []): string[] => [...before, text]

/** For options of which a second one would silently replace the first. */
export const once = (text: string, before: string | undefined): string => {
  if (before !== undefined) throw new InvalidArgumentError('Give it once.')
  return text
}
