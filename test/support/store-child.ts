import { takeFolder } from '../../src/main/core/store/owner.ts'
import { openStore } from '../../src/main/core/store/store.ts'
import { NOW, newJob } from './plain-rows.ts'

/**
 * A process for the tests to kill: `own <folder>` takes the folder and stays; `insert <database> <count>`
 * writes that many rows in one transaction and stops in its middle, saying so. It ends with its input.
 */
const [, , task, path = '', count = '0'] = process.argv
const stay = (leave: () => void): void => {
  process.stdin.resume()
  process.stdin.on('end', () => {
    leave()
    process.exit(0)
  })
}

if (task === 'own') {
  // Held on to: the garbage collector closes a database that nobody has, and its lock with it.
  const owner = takeFolder(path, 'the first one', NOW)
  process.stdout.write('ready\n')
  stay(() => owner.release())
} else if (task === 'insert') {
  const store = openStore(path)
  const half = Number(count) / 2
  process.stdout.write('ready\n')
  store.write(() => {
    for (let row = 1; row <= Number(count); row += 1) {
      store.jobs.insert(newJob(1, 1, { row: 1000 + row, name: `row ${row}` }))
      // Held here until it is killed: nothing may be durable but what was committed before.
      if (row === half) {
        process.stdout.write('half\n')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      }
    }
  })
} else if (task === 'commit') {
  const store = openStore(path)
  let row = 0
  const again = (): void => {
    row += 1
    const id = store.write(() => {
      const added = store.jobs.insert(newJob(1, 1, { row: 1000 + row }))
      store.jobs.indexText(added - 1)
      return added
    })
    process.stdout.write(`${id}\n`)
    setImmediate(again)
  }
  again()
} else {
  throw new Error(`unknown task ${task}`)
}
