// `npm test`: everything CI runs. Ends with one plain line of counts, computed from the real results.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodePath, root, setUp } from './setup.mjs'

const CHECKS = [
  ['format, lint and room rules', 'biome', ['check', '--error-on-warnings', '.']],
  ['types: shared', 'tsc', ['-p', 'tsconfig.shared.json']],
  ['types: node', 'tsc', ['-p', 'tsconfig.node.json']],
  ['types: web', 'tsc', ['-p', 'tsconfig.web.json']],
]
const CHECK_SUITES = ['unit', 'store', 'flow', 'contract', 'host']
const ALL_SUITES = [...CHECK_SUITES, 'crash', 'fuzz', 'proof']

setUp()
const isCheckOnly = process.argv.includes('--only')
const counts = { passed: 0, failed: 0, skipped: 0 }
const bin = join(root, 'node_modules', '.bin')
const env = { ...process.env, PATH: `${join(nodePath(), '..')}:${bin}:${process.env.PATH}` }

for (const [name, command, args] of CHECKS) {
  const done = spawnSync(join(bin, command), args, { cwd: root, env, stdio: 'inherit' })
  counts[done.status === 0 ? 'passed' : 'failed'] += 1
  process.stdout.write(`${done.status === 0 ? 'ok  ' : 'FAIL'} ${name}\n`)
}

const folder = mkdtempSync(join(tmpdir(), 'reelsheet-results-'))
try {
  runSuites(isCheckOnly ? CHECK_SUITES : ALL_SUITES)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed${skipped}\n`)
process.exit(counts.failed === 0 && counts.passed > CHECKS.length ? 0 : 1)

function runSuites(suites) {
  const results = join(folder, 'results.json')
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
  const done = spawnSync(
    nodePath(),
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      ...args,
      ...suites.flatMap((suite) => ['--project', suite]),
    ],
    { cwd: root, env, stdio: 'inherit' },
  )
  let report
  try {
    report = JSON.parse(readFileSync(results, 'utf8'))
  } catch {
    counts.failed += 1
    process.stdout.write('FAIL the test run left no results\n')
    return
  }
  counts.passed += report.numPassedTests
  counts.failed += report.numFailedTests
  for (const file of report.testResults) {
    // A file that could not be loaded has no tests to count, and is a failure all the same.
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'))
      counts.failed += 1
    for (const test of file.assertionResults) {
      if (test.status !== 'skipped' && test.status !== 'pending' && test.status !== 'todo') continue
      counts.skipped += 1
      process.stdout.write(`skipped: ${test.fullName}\n`)
    }
  }
  if (done.status !== 0 && counts.failed === 0) counts.failed += 1
}
