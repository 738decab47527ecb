import { once } from 'node:events'
import type { Socket } from 'node:net'
import { FrameReader, type ReadFrame } from '../../framing/frame-reader.ts'
import { type Protocol, QbpWritable, type Role } from '../../index.ts'
import type { TapEvent } from '../tap/events.ts'

/** How a {@link Talk} is had. */
export interface TalkOptions {
  /** Which end this is. */
  role: Role
  /** The connection's number in the events. */
  connection: number
  maxBodyBytes: number
  /** Is told of what travels, either way. */
  show(event: TapEvent): void
}

const now = (): number => performance.timeOrigin + performance.now()

/** One end of a conversation on a socket, for people: whatever comes is shown, and a frame that does not decode ends nothing. */
export class Talk {
  /** Is told of each frame that came, after it was shown. */
  onFrame: (frame: ReadFrame) => void = () => {}
  /** Resolves when the socket has closed: with null, or with its fault, or with that of a header that is wrong. */
  readonly closed: Promise<Error | null>
  readonly #socket: Socket
  readonly #options: TalkOptions
  readonly #writer: QbpWritable
  #ended = false

  constructor(protocol: Protocol, socket: Socket, options: TalkOptions) {
    const { role, maxBodyBytes } = options
    this.#socket = socket
    this.#options = options
    this.#writer = new QbpWritable(protocol, { role, maxBodyBytes })
    const incoming = new FrameReader(protocol, role === 'client' ? 'server' : 'client', maxBodyBytes)
    const outgoing = new FrameReader(protocol, role, maxBodyBytes)
    let outcome: Error | null = null
    socket.on('data', (chunk: Buffer) => this.#read(incoming, chunk))
    socket.on('end', () => {
      incoming.finish()
      this.#fault(incoming)
    })
    socket.on('error', (error) => {
      outcome = error
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
        resolve(outcome ?? incoming.fault)
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
      this.#show(role === 'client' ? 'server' : 'client', frame)
      this.onFrame(frame)
    }
    this.#fault(incoming)
  }

  /** Behind a header that is wrong nothing can be read. */
  #fault({ fault }: FrameReader): void {
    if (fault === null || this.#socket.destroyed) return
    const { connection, role } = this.#options
    const direction = role === 'client' ? 'server' : 'client'
    this.#options.show({ at: now(), connection, direction, kind: 'fault', error: fault.message })
    this.#socket.destroy()
  }

  #show(direction: Role, { bytes, offset, name, type, message, error }: ReadFrame): void {
    this.#options.show({
      ...{ at: now(), connection: this.#options.connection, direction, kind: 'frame' },
      ...{ bytes, offset, name, type },
      ...(message !== undefined && { message }),
      ...(error !== undefined && { error: error.message }),
    })
  }
}
