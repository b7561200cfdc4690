import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { ReadBlocks } from '../../../src/main/core/archive/transfer-blocks.ts'

const BLOCK_BYTES = 256 * 1024

/** A connection as Node drives it: memory is asked for, filled, handed on, and asked for again. */
function connect(blocks: ReadBlocks) {
  const { buffer, callback } = blocks.onread as unknown as {
    buffer(): Uint8Array
    callback(this: PassThrough, count: number, bytes: Uint8Array): boolean
  }
  const stream = new PassThrough()
  let memory = buffer()
  return {
    room: () => memory.byteLength,
    receive(count: number, value: number): Buffer {
      memory.fill(value, 0, count)
      callback.call(stream, count, memory)
      memory = buffer()
      return stream.read() as Buffer
    },
  }
}

it('reads again into memory of which every byte came back', () => {
  const blocks = new ReadBlocks()
  const connection = connect(blocks)
  const first = connection.receive(BLOCK_BYTES, 1)
  const second = connection.receive(BLOCK_BYTES, 2)
  expect(second.buffer).not.toBe(first.buffer)
  blocks.giveBack([first.subarray(0, 100), first.subarray(100)])
  connection.receive(BLOCK_BYTES, 3)
  expect(connection.receive(BLOCK_BYTES, 4).buffer).toBe(first.buffer)
  expect(second.every((byte) => byte === 2)).toBe(true)
})

it('never reads again into memory of which a byte is missing', () => {
  const blocks = new ReadBlocks()
  const connection = connect(blocks)
  const head = connection.receive(1000, 1)
  const body = connection.receive(BLOCK_BYTES - 1000, 2)
  expect(body.buffer).toBe(head.buffer)
  blocks.giveBack([body])
  for (let round = 0; round < 100; round++) connection.receive(BLOCK_BYTES, 3)
  expect(head.every((byte) => byte === 1)).toBe(true)
  expect(body.every((byte) => byte === 2)).toBe(true)
})

it('fills a block before it takes another, whoever else connects', () => {
  const blocks = new ReadBlocks()
  const [one, other] = [connect(blocks), connect(blocks)]
  const chunks = [one.receive(16_384, 1), other.receive(16_384, 2), one.receive(16_384, 3)]
  expect(chunks[2]?.buffer).toBe(chunks[0]?.buffer)
  expect(chunks[1]?.buffer).not.toBe(chunks[0]?.buffer)
  expect(chunks.map((chunk) => chunk[0])).toEqual([1, 2, 3])
  expect(one.room()).toBe(BLOCK_BYTES - 2 * 16_384)
})

it('lets memory go that is not its own', () => {
  const blocks = new ReadBlocks()
  expect(() => blocks.giveBack([Buffer.from('from a proxy')])).not.toThrow()
})
