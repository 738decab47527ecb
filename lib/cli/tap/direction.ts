import { FrameReader, type ReadFrame } from '../../framing/frame-reader.ts'
import type { Protocol, QbpError, Role } from '../../index.ts'
import { faultOf } from '../../protojson/frame-line.ts'
import { hint } from '../capture/recognise.ts'
import { errorText, Fault } from '../command/fault.ts'
import type { TapEvent } from './events.ts'

/** What looks at the bytes that one side of a connection sends, after they were passed on. */
export interface Side {
  readonly closed: boolean
  /** Bytes of the frame that has begun to pass, 0 between two; undefined where frames are not read. */
  readonly pending: number | undefined
  /** Whether bytes are whole frames of this side. @throws {Fault} */
  check(bytes: Uint8Array): void
  /** Reports frames that were sent on from here, in this side's name. */
  sentHere(at: number, bytes: Uint8Array): void
  /** @throws what a listener throws, after which it passes undecoded. */
  bytes(at: number, chunk: Uint8Array): void
  /** @param error why, if it was no end. */
  close(at: number, error?: string): void
}

/** Whose bytes they are. */
export interface Place {
  readonly connection: number
  readonly direction: Role
}

/** What one side of a connection sends, as events: frames, then a fault if it has one, then its close. */
export class Direction implements Side {
  readonly #protocol: Protocol
  readonly #place: Place
  readonly #report: (event: TapEvent) => void
  readonly #maxBodyBytes: number
  /** Null after a fault: what follows passes undecoded. */
  #reader: FrameReader | null
  #closed = false

  constructor(protocol: Protocol, place: Place, maxBodyBytes: number, report: (event: TapEvent) => void) {
    this.#protocol = protocol
    this.#place = place
    this.#report = report
    this.#maxBodyBytes = maxBodyBytes
    this.#reader = new FrameReader(protocol, place.direction, maxBodyBytes)
  }

  get closed(): boolean {
    return this.#closed
  }

  get pending(): number | undefined {
    return this.#reader?.pending
  }

  check(bytes: Uint8Array): void {
    const reader = new FrameReader(this.#protocol, this.#place.direction, this.#maxBodyBytes, false)
    for (const _ of reader.feed(bytes));
    reader.finish()
    if (reader.fault !== null) throw new Fault(`it is no frame: ${reader.fault.message}`, { cause: reader.fault })
  }

  sentHere(at: number, bytes: Uint8Array): void {
    const reader = new FrameReader(this.#protocol, this.#place.direction, this.#maxBodyBytes, false)
    for (const frame of reader.feed(bytes)) this.#report({ ...this.#frame(at, frame), sentHere: true })
  }

  bytes(at: number, chunk: Uint8Array): void {
    const reader = this.#reader
    if (reader === null) return
    try {
      for (const frame of reader.feed(chunk)) this.#report(this.#frame(at, frame))
    } catch (error) {
      this.#reader = null
      throw error
    }
    if (reader.fault !== null) this.#fault(at, reader)
  }

  close(at: number, error?: string): void {
    if (this.#closed) return
    this.#closed = true
    const reader = this.#reader
    reader?.finish()
    if (reader?.fault) this.#fault(at, reader)
    this.#report({ at, ...this.#place, kind: 'close', ...(error !== undefined && { error }) })
  }

  #frame(at: number, frame: ReadFrame): TapEvent {
    const { offset, index, bytes, bodyStart, length, name, type, message } = frame
    const error = faultOf(this.#protocol, frame)
    return {
      ...{ at, ...this.#place, kind: 'frame', bytes: Buffer.from(bytes), offset, bodyStart, length, name, type },
      ...(message !== undefined && { message }),
      ...(error !== undefined && { error: errorText(error) + hint(index, offset, bytes, this.#layout) }),
    }
  }

  #fault(at: number, reader: FrameReader): void {
    this.#reader = null
    const bytes = reader.rest()
    const fault = reader.fault as QbpError
    const { offset = 0, frame = 0 } = fault
    const error = errorText(fault) + hint(frame, offset, bytes, this.#layout)
    this.#report({ at, ...this.#place, kind: 'fault', error, offset, bytes })
  }

  get #layout(): string {
    return this.#protocol.headers[this.#place.direction].text
  }
}
