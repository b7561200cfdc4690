import { resolve } from 'node:path'

export const RESOURCES = resolve(import.meta.dirname, '../../resources/practice')
export const START = Date.UTC(2026, 9, 10, 8, 0, 0)
