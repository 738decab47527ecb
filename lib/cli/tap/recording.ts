// A recording is lines of JSON: one that says what it is, then one for each thing that happened on a connection.
//
//   {"recording":1,"at":1795399740000.1,"target":"localhost:7000"}
//   {"at":1795399741000.2,"connection":1,"direction":"client","kind":"open"}
//   {"at":1795399741000.9,"connection":1,"direction":"client","kind":"bytes","bytes":"AAMAAAAA"}
//   {"at":1795399741001.5,"connection":1,"direction":"client","kind":"close"}

import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Fault } from '../command/fault.ts'
import type { Tap } from './proxy.ts'

/** One thing that happened: bytes stand as they came, in the pieces that they came in. */
export interface Recorded {
  at: number
  connection: number
  direction: 'client' | 'server'
  kind: 'open' | 'bytes' | 'close'
  /** In base64. */
  bytes?: string
  error?: string
}

/** What may wait for a slow disk, in bytes: a recording that falls further behind ends, and what is tapped goes on. */
const MAX_QUEUED_BYTES = 256 * 2 ** 20

/** Writes what a tap passes on to a file. */
export class Recorder {
  readonly #file: WriteStream
  readonly #tell: (fault: string) => void
  #over = false

  /** @param tell is told, once, if the recording had to end early. */
  constructor(tap: Tap, path: string, target: string, tell: (fault: string) => void) {
    this.#tell = tell
    this.#file = createWriteStream(path)
    this.#file.on('error', (error) => this.#end(error.message))
    this.#write({ recording: 1, at: Date.now(), target })
    tap.on('event', ({ at, connection, direction, kind, error }) => {
      if (kind === 'open' || kind === 'close') this.#write({ at, connection, direction, kind, ...(error && { error }) })
    })
    tap.on('bytes', ({ at, connection, direction, bytes }) => {
      const { buffer, byteOffset, length } = bytes
      this.#write({
        at,
        connection,
        direction,
        kind: 'bytes',
        bytes: Buffer.from(buffer, byteOffset, length).toString('base64'),
      })
    })
  }

  /** Resolves once all of it is in the file. */
  async close(): Promise<void> {
    if (this.#over) return
    this.#over = true
    await new Promise<void>((resolve) => this.#file.end(resolve))
  }

  #write(line: object): void {
    if (this.#over) return
    this.#file.write(`${JSON.stringify(line)}\n`)
    if (this.#file.writableLength > MAX_QUEUED_BYTES) this.#end('the disk is slower than the wire')
  }

  #end(fault: string): void {
    if (this.#over) return
    this.#over = true
    this.#file.destroy()
    this.#tell(fault)
  }
}

/** What a recording holds, in order. @throws {Fault} for a file that is none, with the line. */
export async function* readRecording(path: string): AsyncGenerator<Recorded> {
  const input = createReadStream(path)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  input.once('error', () => lines.close())
  let number = 0
  let cut: number | undefined
  for await (const line of lines) {
    number++
    const entry = parseLine(line)
    if (number === 1) {
      if ((entry as { recording?: number })?.recording !== 1)
        throw new Fault(`${path}: this is no recording of qbp tap`)
      continue
    }
    // Only the last line, of a tap that was killed, may be cut.
    if (cut !== undefined) throw new Fault(`${path}:${cut}: this is no line of a recording`)
    if (entry === undefined) cut = number
    else yield entry
  }
  if (input.errored) throw input.errored
}

function parseLine(line: string): Recorded | undefined {
  try {
    return JSON.parse(line) as Recorded
  } catch {
    return undefined
  }
}
