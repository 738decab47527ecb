import { once } from 'node:events'
import type { Socket } from 'node:net'
import { other } from '../../base/role.ts'
import { FrameReader, type ReadFrame } from '../../framing/frame-reader.ts'
import { type Protocol, QbpWritable, type Role } from '../../index.ts'
import { faultOf } from '../../protojson/frame-line.ts'
import { hint } from '../capture/recognise.ts'
import { errorText, Fault } from '../command/fault.ts'
import type { TapEvent } from '../tap/events.ts'

/** Of a {@link Talk}. */
export interface TalkOptions {
  /** Which end this is. */
  role: Role
  /** The connection's number in the events. */
  connection: number
  maxBodyBytes: number
  /** Called with what travels, either way. */
  show(event: TapEvent): void
}

const now = (): number => performance.timeOrigin + performance.now()

/** One end of a conversation on a socket, for people: whatever comes is shown, and a frame that does not decode ends nothing. */
export class Talk {
  /** Called with each frame that came, after it was shown. */
  onFrame: (frame: ReadFrame) => void = () => {}
  /** Resolves when the socket has closed: with null, or with its fault, or with that of a header that is wrong. */
  readonly closed: Promise<Error | null>
  readonly #socket: Socket
  readonly #options: TalkOptions
  readonly #writer: QbpWritable
  readonly #protocol: Protocol
  #ended = false
  #outcome: Error | null = null

  constructor(protocol: Protocol, socket: Socket, options: TalkOptions) {
    const { role, maxBodyBytes } = options
    this.#socket = socket
    this.#options = options
    this.#protocol = protocol
    this.#writer = new QbpWritable(protocol, { role, maxBodyBytes })
    const incoming = new FrameReader(protocol, other(role), maxBodyBytes)
    const outgoing = new FrameReader(protocol, role, maxBodyBytes)
    socket.on('data', (chunk: Buffer) => this.#read(incoming, chunk))
    socket.on('end', () => {
      incoming.finish()
      this.#fault(incoming)
    })
    socket.on('error', (error) => {
      this.#outcome ??= error
    })
    this.#writer.on('error', () => {})
    this.#writer.on('data', (bytes: Buffer) => {
      if (!socket.write(bytes)) this.#writer.pause()
      for (const frame of outgoing.feed(bytes)) this.#show(role, frame)
    })
    socket.on('drain', () => this.#writer.resume())
    this.#writer.on('end', () => socket.end())
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#writer.destroy()
        resolve(this.#outcome)
      })
    })
  }

  /** Sends a message, and waits where the peer does not take what was sent before. @throws {QbpError} ERR_QBP_INVALID_MESSAGE */
  async send(message: object): Promise<void> {
    if (!this.#writer.write(message)) await Promise.race([once(this.#writer, 'drain'), this.closed])
  }

  /** Sends what was written and ends this side. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#writer.end()
  }

  #read(incoming: FrameReader, chunk: Uint8Array): void {
    const { role } = this.#options
    for (const frame of incoming.feed(chunk)) {
      this.#show(other(role), frame)
      this.onFrame(frame)
    }
    this.#fault(incoming)
  }

  /** Nothing can be read after a header that is wrong. */
  #fault(incoming: FrameReader): void {
    const { fault } = incoming
    if (fault === null || this.#socket.destroyed) return
    const { connection, role } = this.#options
    const { frame = 0, offset = 0 } = fault
    const error = errorText(fault) + hint(frame, offset, incoming.rest(), this.#protocol.header.text)
    this.#outcome ??= new Fault(error, { cause: fault })
    this.#options.show({ at: now(), connection, direction: other(role), kind: 'fault', error })
    this.#socket.destroy()
  }

  #show(direction: Role, frame: ReadFrame): void {
    const { bytes, offset, index, bodyStart, length, name, type, message } = frame
    const error = faultOf(this.#protocol, frame)
    this.#options.show({
      ...{ at: now(), connection: this.#options.connection, direction, kind: 'frame' },
      ...{ bytes, offset, bodyStart, length, name, type },
      ...(message !== undefined && { message }),
      ...(error !== undefined && { error: errorText(error) + hint(index, offset, bytes, this.#protocol.header.text) }),
    })
  }
}
