/** Every door that is attacked, by the name of its module. */
export const DOORS = [
  'readings',
  'answers',
  'sheets',
  'media',
  'containers',
  'sidecars',
  'notes',
  'names',
  'addresses',
  'contract',
  'frames',
  'home',
  'arguments',
] as const
