import type { Carrier, CarrierUser } from './carrier.ts'

/** Both directions of bytes: a WebTransport stream, a socket of Cloudflare's, or any pair of web streams. */
export interface StreamPair {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

/** A pair of web streams. It is read as far as somebody here reads, and so pushes back. */
export class StreamCarrier implements Carrier {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  #user: CarrierUser | null = null
  #waiting = 0
  /** The lengths of the chunks that wait. A stream takes one at a time. */
  readonly #lengths: number[] = []
  #room: (() => void) | null = null
  #isEnding = false
  #isPeerEnded = false

  constructor({ readable, writable }: StreamPair) {
    this.#reader = readable.getReader()
    this.#writer = writable.getWriter()
    this.#writer.closed.catch((fault) => this.#finish(fault))
  }

  start(user: CarrierUser): void {
    this.#user = user
    this.#read().catch((fault) => this.#finish(fault))
  }

  send(bytes: Uint8Array): void {
    this.#waiting += bytes.length
    this.#lengths.push(bytes.length)
    this.#writer.write(bytes).then(
      () => {
        this.#waiting -= this.#lengths.shift() as number
        this.#user?.drained()
      },
      (fault) => this.#finish(fault),
    )
  }

  get waiting(): number {
    return this.#waiting
  }

  get held(): number {
    return this.#waiting - (this.#lengths[0] ?? 0)
  }

  end(): void {
    this.#isEnding = true
    this.#writer.close().then(
      () => this.#isPeerEnded && this.#finish(null),
      (fault) => this.#finish(fault),
    )
  }

  abort(reason: Error): void {
    this.#finish(null)
    const ignore = () => {}
    this.#writer.abort(reason).catch(ignore)
    this.#reader.cancel(reason).catch(ignore)
    this.#room?.()
  }

  resume(): void {
    this.#room?.()
    this.#room = null
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read()
      if (done) break
      if (this.#user?.chunk(value) !== false) continue
      await new Promise<void>((resolve) => {
        this.#room = resolve
      })
    }
    this.#isPeerEnded = true
    this.#user?.ended()
    if (this.#isEnding && this.#waiting === 0) await this.#writer.closed.then(() => this.#finish(null))
  }

  #finish(fault: unknown): void {
    const user = this.#user
    this.#user = null
    user?.shut(fault === null || fault instanceof Error ? fault : new Error(String(fault)))
  }
}
