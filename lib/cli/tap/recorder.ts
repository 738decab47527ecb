import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import type { Tap } from './proxy.ts'

/** What may wait for a slow disk, in bytes: a recording that falls back further ends, and what is tapped goes on. */
const MAX_QUEUED_BYTES = 256 * 2 ** 20

/** Writes what a tap passes on to a file: capture/recording.ts has its form. */
export class Recorder {
  readonly #file: WriteStream
  readonly #onFault: (fault: string) => void
  #over = false

  /**
   * @param onFault is called, once, if the recording had to end early.
   * @throws what opening the file throws: then nothing would be recorded.
   */
  static async open(tap: Tap, path: string, target: string, onFault: (fault: string) => void): Promise<Recorder> {
    const file = createWriteStream(path)
    await once(file, 'open')
    return new Recorder(tap, file, target, onFault)
  }

  private constructor(tap: Tap, file: WriteStream, target: string, onFault: (fault: string) => void) {
    this.#onFault = onFault
    this.#file = file
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
    this.#onFault(fault)
  }
}
