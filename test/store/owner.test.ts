import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Owner, takeFolder } from '../../src/main/core/store/owner.ts'
import { ProblemError } from '../../src/shared/problem.ts'
import { startStoreChild } from '../support/child.ts'
import { NOW, temporaryFolder } from '../support/rows.ts'

function take(folder: string, who = 'the second one'): Owner {
  const owner = takeFolder(folder, who, NOW)
  onTestFinished(() => owner.release())
  return owner
}

function refusal(folder: string): ProblemError {
  try {
    take(folder)
  } catch (error) {
    if (error instanceof ProblemError) return error
    throw error
  }
  throw new Error('the folder was given twice')
}

test('a second process is refused and told who has the folder', async () => {
  const folder = temporaryFolder()
  const child = startStoreChild('own', folder)
  await child.line()
  const { problem } = refusal(folder)
  expect(problem.code).toBe('folder-in-use')
  expect(problem.what).toContain('the first one')
  expect(problem.what).toContain(`process ${child.process.pid}`)
  expect(problem.what).toContain('2026-03-01T12:00:00.000Z')
  expect(problem.next).toContain('--home')
})

test('a refusal changes nothing: the facts of the owner stay', async () => {
  const folder = temporaryFolder()
  const child = startStoreChild('own', folder)
  await child.line()
  const before = readFileSync(join(folder, 'owner.json'), 'utf8')
  refusal(folder)
  refusal(folder)
  expect(readFileSync(join(folder, 'owner.json'), 'utf8')).toBe(before)
})

test('a process that was killed leaves no stale lock', async () => {
  const folder = temporaryFolder()
  const child = startStoreChild('own', folder)
  await child.line()
  await child.kill()
  take(folder)
  expect(JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8'))).toMatchObject({
    who: 'the second one',
    pid: process.pid,
  })
})

test('a released folder can be taken again, and releasing twice is no error', () => {
  const folder = temporaryFolder()
  const owner = take(folder)
  expect(refusal(folder).problem.code).toBe('folder-in-use')
  owner.release()
  owner.release()
  take(folder)
})

test('two folders have two owners', () => {
  take(temporaryFolder())
  take(temporaryFolder())
})
