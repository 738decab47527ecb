import { QbpError } from '../base/errors.ts'
import type { Carrier, CarrierUser } from './carrier.ts'

/** What is used of a WebSocket: a browser's, a Worker's, Node's, or that of npm's `ws`. */
export interface AnyWebSocket {
  readonly readyState: number
  readonly bufferedAmount?: number
  binaryType?: string
  /** Sends a message. */
  // biome-ignore lint/suspicious/noExplicitAny: in types, what a browser's takes is no Uint8Array of shared memory.
  send(data: any): void
  /** Begins the closing. */
  close(code?: number, reason?: string): void
  /** Of `open`, `message`, `close` and `error`. */
  // biome-ignore lint/suspicious/noExplicitAny: each runtime has event types of its own.
  addEventListener(type: any, listener: (event: any) => void): void
}

const OPEN = 1
const CLOSED = 3
/** Without a drain event, how often is looked whether bytes have left. */
const LOOK_MS = 10
const NORMAL = 1000
/** A peer that closes without a code. */
const NO_STATUS = 1005

/** A WebSocket's binary messages as one stream of bytes: frames may be cut by them anywhere, or come many in one. */
export class WebSocketCarrier implements Carrier {
  readonly #socket: AnyWebSocket
  #user: CarrierUser | null = null
  /** What has come before `start`: `open` is awaited, and other events do not wait for that. Null afterwards. */
  #early: (() => void)[] | null = []
  #look: ReturnType<typeof setTimeout> | undefined

  constructor(socket: AnyWebSocket) {
    this.#socket = socket
    if ('binaryType' in socket) socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => this.#take(() => this.#message(data)))
    socket.addEventListener('close', ({ code, reason }) => this.#take(() => this.#closed(code, reason)))
    socket.addEventListener('error', () => {}) // A close follows, and a browser does not say of what.
  }

  start(user: CarrierUser): void {
    const early = this.#early ?? []
    this.#early = null
    this.#user = user
    for (const act of early) act()
    if (this.#socket.readyState === CLOSED) this.#closed(undefined, '') // Of one that was closed when it was given, no event comes.
  }

  #take(act: () => void): void {
    if (this.#early === null) act()
    else this.#early.push(act)
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(bytes)
    if (this.waiting > 0) this.#watch()
  }

  get waiting(): number {
    return this.#socket.bufferedAmount ?? 0
  }

  get held(): number {
    return this.waiting
  }

  end(): void {
    this.#socket.close(NORMAL)
  }

  abort(): void {
    this.#finish(null)
    this.#socket.close()
  }

  /** A WebSocket cannot be held: what nobody reads waits here, up to a limit. */
  resume(): void {}

  #message(data: unknown): void {
    if (data instanceof ArrayBuffer) this.#user?.chunk(new Uint8Array(data))
    else if (ArrayBuffer.isView(data)) this.#user?.chunk(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    else {
      const found = typeof data === 'string' ? 'text' : 'a Blob'
      this.#finish(
        new QbpError('ERR_QBP_NOT_BYTES', `A message of the WebSocket is ${found}; frames travel in binary ones.`),
      )
      this.#socket.close()
    }
  }

  #watch(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      if (this.waiting > 0) this.#watch()
      this.#user?.drained()
    }, LOOK_MS)
  }

  #closed(code: number | undefined, reason: string): void {
    if (this.#socket.readyState !== CLOSED) this.#socket.close() // A Worker's answers no close by itself.
    if (code === NORMAL || code === NO_STATUS) {
      this.#user?.ended()
      this.#finish(null)
      return
    }
    const why = reason === '' || reason === undefined ? '' : `: ${reason}`
    this.#finish(new QbpError('ERR_QBP_CLOSED', `The WebSocket was closed with code ${code}${why}.`))
  }

  #finish(fault: Error | null): void {
    const user = this.#user
    this.#user = null
    clearTimeout(this.#look)
    user?.shut(fault)
  }
}
