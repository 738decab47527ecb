import { createReadStream } from 'node:fs'
import { addAbortSignal, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Role } from '../../index.ts'
import { Fault, isFolder, notAFile } from '../command/fault.ts'
import type { Io } from '../command/verb.ts'
import type { Captured } from './captured.ts'
import { type Format, formatOf } from './format.ts'
import { type Packet, pcapngPackets, pcapPackets } from './packets.ts'
import { Reassembly } from './reassembly.ts'
import { readRecording } from './recording.ts'
import { segmentOf } from './segment.ts'
import { fromBase64, fromHex } from './text.ts'

/** How a capture is opened. */
export interface CaptureOptions {
  /** What the file holds. Default: what its first bytes say. */
  format?: Format | undefined
  /** Of servers: whose connections are read, and which side is the server. Default: all, by who began. */
  ports?: readonly number[]
  /** Whose bytes a file without connections has. */
  direction: Role
}

/** A capture that is open. */
export interface Capture {
  /** Whether it has connections with two directions, or is one stream of bytes. */
  readonly hasConnections: boolean
  readonly events: AsyncIterable<Captured>
}

/** A capture in a file. */
export interface OpenFile extends Capture {
  /** As it is on the disk. */
  readonly bytesRead: number
}

type Chunks = AsyncIterable<Uint8Array>

/** How many wrappings are taken off: base64 of gzip of a recording. */
const MOST_LAYERS = 5

/** Opens a file, or standard input for `-`; Ctrl-C ends it. @throws {Fault} that names a file which is not what it seems. */
export async function openFile(path: string, io: Io, options: CaptureOptions): Promise<OpenFile> {
  const input = addAbortSignal(io.signal, path === '-' ? io.stdin : createReadStream(path, { highWaterMark: 2 ** 18 }))
  const file = { bytesRead: 0 }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of input) {
      file.bytesRead += (chunk as Buffer).length
      yield chunk as Buffer
    }
  }
  const named = (error: unknown) => {
    if (error instanceof Fault) return new Fault(`${path}: ${error.message}`, { cause: error })
    return isFolder(error) ? notAFile(path, error) : error
  }
  async function* events(capture: Capture): AsyncGenerator<Captured> {
    try {
      yield* capture.events
    } catch (error) {
      throw named(error)
    }
  }
  try {
    const capture = await openCapture(chunks(), options)
    return Object.assign(file, { hasConnections: capture.hasConnections, events: events(capture) })
  } catch (error) {
    throw named(error)
  }
}

/** Opens what was captured, in whatever it is wrapped. @throws {Fault} for bytes that are not what they seem. */
async function openCapture(input: Chunks, options: CaptureOptions): Promise<Capture> {
  let { chunks, format } = await sniff(input, options.format)
  for (let layer = 0; layer < MOST_LAYERS; layer++) {
    const inner = unwrap[format]?.(chunks)
    if (inner === undefined) break
    ;({ chunks, format } = await sniff(inner))
  }
  const { direction, ports } = options
  if (format === 'tap') return { hasConnections: true, events: readRecording(chunks) }
  if (format === 'pcap') return { hasConnections: true, events: connections(pcapPackets(chunks), ports) }
  if (format === 'pcapng') return { hasConnections: true, events: connections(pcapngPackets(chunks), ports) }
  if (format !== 'raw') throw new Fault('it is wrapped too many times.')
  return { hasConnections: false, events: oneStream(chunks, direction) }
}

const unwrap: Partial<Record<Format, (chunks: Chunks) => Chunks>> = { gzip: gunzip, hex: fromHex, base64: fromBase64 }

/** What the first bytes are, and all of them again. */
async function sniff(input: Chunks, known?: Format): Promise<{ format: Format; chunks: Chunks }> {
  const iterator = input[Symbol.asyncIterator]()
  const taken: Uint8Array[] = []
  let format = known
  for (let ended = false; format === undefined; ) {
    const { value, done } = await iterator.next()
    ended = done === true
    if (!ended) taken.push(value)
    format = formatOf(Buffer.concat(taken), ended)
    if (ended) format ??= 'raw'
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* taken.splice(0)
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { format, chunks: chunks() }
}

async function* gunzip(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const input = Readable.from(chunks, { objectMode: true })
  const output = createGunzip()
  input.on('error', (error) => output.destroy(error))
  try {
    for await (const chunk of input.pipe(output)) yield chunk as Buffer
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw code?.startsWith('Z_') ? new Fault(`the gzip does not unpack: ${message}.`, { cause: error }) : error
  }
}

async function* oneStream(chunks: Chunks, direction: Role): AsyncGenerator<Captured> {
  const event = { at: 0, connection: 1, direction } as const
  for await (const bytes of chunks) yield { ...event, kind: 'bytes', bytes }
  yield { ...event, kind: 'close' }
}

async function* connections(packets: AsyncIterable<Packet>, ports?: readonly number[]): AsyncGenerator<Captured> {
  const reassembly = new Reassembly(ports)
  let last = 0
  for await (const packet of packets) {
    last = packet.at
    const segment = segmentOf(packet)
    if (segment !== undefined) yield* reassembly.add(segment)
  }
  yield* reassembly.finish(last)
}
