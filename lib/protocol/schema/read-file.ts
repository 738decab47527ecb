// The bytes of a schema's file. It may be a pipe, such as `<(cat a.proto)`, and is read once; a device such as /dev/zero has no end.

import { gathered } from '../../base/gathered.ts'
import { files, Located } from './place.ts'

/** A schema of so many bytes would take hours to parse. */
const MOST_BYTES = 2 ** 26

/** protobufjs's own way to a file, where there is no file system. */
type Fetch = (
  path: string,
  options: { binary: true },
  callback: (error: Error | null, bytes: Uint8Array) => void,
) => void

/** Reads a file; what gzip has packed is unpacked. @throws {Located} */
export async function readFile(path: string, fetch: Fetch): Promise<Uint8Array> {
  try {
    return await unzipped(
      path,
      await (files === null ? fetched(path, fetch) : bounded(path, files.createReadStream(path))),
    )
  } catch (cause) {
    if (cause instanceof Located) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    throw new Located(`${path}: cannot be read (${code ?? message})`, { cause })
  }
}

const fetched = (path: string, fetch: Fetch): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    fetch(path, { binary: true }, (error, bytes) => (error ? reject(error) : resolve(bytes)))
  })

/** @throws {Located} for more than a schema may have. */
async function bounded(path: string, chunks: AsyncIterable<Uint8Array>, what = kindOf(path)): Promise<Uint8Array> {
  const bytes = await gathered(chunks, MOST_BYTES)
  if (bytes !== null) return bytes
  throw new Located(`${path}: it is ${what} of more than ${MOST_BYTES} bytes, which is the most that a schema may have`)
}

async function unzipped(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  const unpacked = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
  return bounded(path, chunksOf(unpacked), 'gzip')
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value
  } finally {
    void reader.cancel().catch(() => {}) // Nobody wants the rest.
  }
}

function kindOf(path: string): string {
  const found = files?.statSync(path)
  return found?.isFile() ? 'a file' : found?.isFIFO() ? 'a pipe' : 'a device'
}
