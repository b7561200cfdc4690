import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeMp3, makePicture, makeVideo, openBench, upload } from './harness.ts'

const HOUR = 3_600_000

test('a streamed picture comes back with its address, lives 72 hours, then is gone', async () => {
  const bench = await openBench()
  const bytes = await makePicture(400, 300, false, 'jpeg')
  const sent = await upload(bench, bytes, 'cat.jpg', 'image/jpeg', {
    upload_path: 'wan-inputs',
    file_name: 'a cat.jpg',
  })
  expect(sent.body).toMatchObject({ success: true, code: 200 })
  const { data } = sent.body
  expect(data).toMatchObject({
    file_name: 'a cat.jpg',
    original_name: 'cat.jpg',
    file_size: bytes.length,
    mime_type: 'image/jpeg',
    upload_path: 'wan-inputs',
  })
  expect(data.expires_at).toMatch(/\+08:00$/)
  expect(Date.parse(data.expires_at) - bench.clock.now()).toBe(72 * HOUR)
  for (const address of [data.file_url, data.download_url]) {
    const back = await fetch(address)
    expect(Buffer.from(await back.arrayBuffer()).equals(bytes)).toBe(true)
  }
  bench.clock.pass(72 * HOUR)
  expect((await fetch(data.file_url)).status).toBe(404)
  expect((await bench.get('/api/v1/files/quota')).body.data.used_files).toBe(0)
})

test('base64 is taken with and without its prefix', async () => {
  const bench = await openBench()
  const base64 = (await makePicture(40, 40)).toString('base64')
  const bare = await bench.post('/api/v1/files/upload/base64', { base64_data: base64, file_name: 'a.png' })
  expect(bare.body.data).toMatchObject({ mime_type: 'image/png', file_name: 'a.png' })
  const data = `data:image/png;base64,${base64}`
  expect((await bench.post('/api/v1/files/upload/base64', { base64_data: data })).body.success).toBe(true)
  const wrong = await bench.post('/api/v1/files/upload/base64', { base64_data: '%%%' })
  expect([wrong.status, wrong.body.success, wrong.body.code]).toEqual([400, false, 400])
  expect((await bench.post('/api/v1/files/upload/base64', {})).body.code).toBe(400)
})

test('an address is fetched only where that needs no network, never from inside', async () => {
  const bench = await openBench()
  const own = (await upload(bench, await makePicture(40, 40), 'a.png', 'image/png')).body.data.file_url
  const copied = await bench.post('/api/v1/files/upload/url', { file_url: own })
  expect(copied.body.data).toMatchObject({ upload_path: 'downloads', file_name: 'a.png' })
  for (const address of [
    'http://10.0.0.1/a.png',
    'http://127.0.0.1/etc/a.png',
    'http://[::1]/a.png',
    'http://169.254.169.254/files/uploads/a.png',
    'file:///etc/passwd',
    'https://media.example.com/a.png',
  ]) {
    const refused = await bench.post('/api/v1/files/upload/url', { file_url: address })
    expect([refused.status, refused.body.code]).toEqual([400, 40_004])
  }
})

test('kinds: videos and sound as the clients say, or refused as the pages say', async () => {
  const open = await openBench()
  expect((await upload(open, await makeVideo(2), 'a.mp4', 'video/mp4')).body.data.mime_type).toBe('video/mp4')
  expect((await upload(open, makeMp3(4), 'a.mp3', 'audio/mpeg')).body.data.mime_type).toBe('audio/mpeg')
  const strict = await openBench({ videoUploads: false })
  const refused = await upload(strict, await makeVideo(2), 'a.mp4', 'video/mp4')
  expect([refused.status, refused.body]).toEqual([
    400,
    { success: false, code: 40_002, msg: 'file type not allowed' },
  ])
  expect((await upload(strict, makeMp3(4), 'a.mp3', 'audio/mpeg')).body.code).toBe(40_002)
  expect((await upload(strict, await makePicture(40, 40), 'a.png', 'image/png')).body.code).toBe(200)
  expect((await upload(strict, Buffer.from('just some words'), 'a.png', 'image/png')).body.code).toBe(40_002)
  expect((await upload(strict, await makePicture(40, 40), 'a.mp4', 'video/mp4')).body.code).toBe(40_002)
  const bitmap = Buffer.alloc(200)
  bitmap.write('BM')
  bitmap.writeInt32LE(500, 18)
  bitmap.writeInt32LE(500, 22)
  expect((await upload(strict, bitmap, 'a.bmp', 'image/bmp')).body.code).toBe(40_002)
})

test('equal names overwrite, the quota counts, a deleted file is gone', async () => {
  const bench = await openBench({ limits: { filesQuota: 2 } })
  const small = await makePicture(40, 40)
  const large = await makePicture(80, 80)
  const first = await upload(bench, small, 'a.png', 'image/png')
  const second = await upload(bench, large, 'a.png', 'image/png')
  expect(second.body.data.file_url).toBe(first.body.data.file_url)
  const back = await fetch(first.body.data.file_url)
  expect((await back.arrayBuffer()).byteLength).toBe(large.length)
  await upload(bench, small, 'b.png', 'image/png')
  expect((await upload(bench, small, 'c.png', 'image/png')).body.code).toBe(40_003)
  expect((await bench.get('/api/v1/files/quota')).body.data).toMatchObject({
    used_files: 2,
    max_files: 2,
    remain_files: 0,
  })
  const list = await bench.get('/api/v1/files/list?page=1&pageSize=1')
  expect(list.body.data).toMatchObject({ total: 2, files: [{ file_name: 'b.png' }] })
  const remove = (id: string) =>
    fetch(`${bench.practice.url}/api/v1/files/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${bench.practice.key}` },
    })
  const id = second.body.data.file_id
  expect((await remove(id)).status).toBe(200)
  expect((await remove(id)).status).toBe(404)
  expect((await fetch(first.body.data.file_url)).status).toBe(404)
  expect(await readdir(join(bench.folder, 'files'))).toHaveLength(1)
})

test('names never become paths, and broken forms are refused', async () => {
  const bench = await openBench()
  const bytes = await makePicture(40, 40)
  const sent = await upload(bench, bytes, '../../../x.png', 'image/png', { upload_path: '../../etc/..' })
  expect(sent.body.data).toMatchObject({ upload_path: 'etc', file_name: 'x.png' })
  expect((await fetch(sent.body.data.file_url)).status).toBe(200)
  expect(await readdir(join(bench.folder, 'files'))).toEqual([sent.body.data.file_id])
  const outside = await fetch(`${bench.practice.url}/files/..%2f..%2fkey`)
  expect(outside.status).toBe(404)
  const send = (body: string, type: string) =>
    fetch(`${bench.practice.url}/api/v1/files/upload/stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bench.practice.key}`, 'content-type': type },
      body,
    }).then((response) => response.json())
  expect(await send('nonsense', 'multipart/form-data; boundary=x')).toMatchObject({ code: 400 })
  expect(await send('--x\r\n\r\n', 'multipart/form-data; boundary=x')).toMatchObject({ code: 400 })
  expect(await send('--x--', 'multipart/form-data; boundary=x')).toMatchObject({ msg: 'missing file' })
  expect(await send('{}', 'application/json')).toMatchObject({ code: 400 })
})

test('a file over 100 MB is refused with 40001 after it was read to its end', async () => {
  const bench = await openBench()
  const part = new Uint8Array(2_000_000)
  const body = new Blob(Array(76).fill(part))
  const response = await fetch(`${bench.practice.url}/api/v1/files/upload/stream`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${bench.practice.key}`,
      'content-type': 'multipart/form-data; boundary=x',
    },
    body,
  })
  expect(await response.json()).toMatchObject({ success: false, code: 40_001 })
  expect(bench.practice.ledger.requests().at(-1)?.bytesIn).toBe(152_000_000)
})
