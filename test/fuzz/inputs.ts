import fc from 'fast-check'

/** The n-th input of a seed, then at each step of `path` one of its simpler forms; undefined where there is none. */
export function makeInput(
  arbitrary: fc.Arbitrary<unknown>,
  seed: number,
  { index, path }: { index: number; path: readonly number[] },
): { value: unknown } | undefined {
  let made: fc.Value<unknown> | undefined
  class Caught extends fc.Arbitrary<unknown> {
    generate(random: fc.Random, bias: number | undefined): fc.Value<unknown> {
      made = arbitrary.generate(random, bias)
      return made
    }
    canShrinkWithoutContext(_value: unknown): _value is unknown {
      return false
    }
    shrink(): fc.Stream<fc.Value<unknown>> {
      return fc.Stream.nil()
    }
  }
  fc.sample(new Caught(), { seed: Math.imul(seed, 1_000_003) + index, numRuns: 1 })
  for (const step of path) {
    if (!made) return undefined
    made = nth(arbitrary.shrink(made.value_, made.context), step)
  }
  return made && { value: made.value }
}

function nth(stream: fc.Stream<fc.Value<unknown>>, step: number): fc.Value<unknown> | undefined {
  let at = 0
  for (const each of stream) {
    if (at === step) return each
    at += 1
  }
  return undefined
}
