import type net from 'node:net'
import { Fault } from '../command/fault.ts'
import type { Side } from './direction.ts'

/** What a passage reports of itself. */
export interface PassageListener {
  /** Bytes that were passed on. */
  bytes(at: number, bytes: Buffer): void
  /** A fault of whoever listens, or of ours: what passes goes on. */
  fault(at: number, error: Error): void
}

/** Milliseconds since 1970, finer than Date. */
export const now = (): number => performance.timeOrigin + performance.now()

/**
 * One way through a tap: bytes from one socket to the other, as they come, and frames of the window's between two of them.
 *
 *   from ─ chunk ─► to             nothing waits: bytes are passed on first, and looked at afterwards
 *   from ─ chunk ─► … edge ─► to   a frame waits: it goes where the chunk's last frame ends
 */
export class Passage {
  readonly #from: net.Socket
  readonly #to: net.Socket
  readonly #side: Side
  readonly #listener: PassageListener
  /** Frames that were made here, and wait for the end of the frame that is passing. */
  readonly #waiting: Buffer[] = []

  constructor(from: net.Socket, to: net.Socket, side: Side, listener: PassageListener) {
    this.#from = from
    this.#to = to
    this.#side = side
    this.#listener = listener
    from.on('data', (chunk: Buffer) => this.#pass(now(), chunk))
    to.on('drain', () => from.resume())
  }

  /** Sends whole frames that did not come from the other side, between two that do. @throws {Fault} where that cannot be. */
  send(bytes: Uint8Array): void {
    if (this.#side.closed || !this.#to.writable) throw new Fault('the connection has ended.')
    const { pending } = this.#side
    if (pending === undefined) throw new Fault('this side passes undecoded: nobody knows where a frame ends.')
    const own = Buffer.from(bytes)
    this.#side.check(own)
    this.#waiting.push(own)
    if (pending === 0) this.#flush()
  }

  #pass(at: number, chunk: Buffer): void {
    if (this.#waiting.length === 0) {
      this.#write(chunk)
      this.#look(at, chunk)
      return
    }
    this.#look(at, chunk)
    const { pending = 0 } = this.#side
    const edge = Math.max(0, chunk.length - pending)
    if (edge > 0) this.#write(chunk.subarray(0, edge))
    if (pending <= chunk.length) this.#flush()
    if (edge < chunk.length) this.#write(chunk.subarray(edge))
  }

  #look(at: number, chunk: Buffer): void {
    try {
      this.#listener.bytes(at, chunk)
      this.#side.bytes(at, chunk)
    } catch (error) {
      this.#listener.fault(at, error as Error)
    }
  }

  #flush(): void {
    // After a fault, what waits has no place any more.
    if (this.#side.pending === undefined) this.#waiting.length = 0
    for (const bytes of this.#waiting.splice(0)) {
      const at = now()
      this.#write(bytes)
      try {
        this.#listener.bytes(at, bytes)
        this.#side.sentHere(at, bytes)
      } catch (error) {
        this.#listener.fault(at, error as Error)
      }
    }
  }

  #write(bytes: Buffer): void {
    if (!this.#to.write(bytes)) this.#from.pause()
  }
}
