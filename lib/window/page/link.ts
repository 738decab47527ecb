import { MessageReader, NONE } from '../../framing/message-reader.ts'
import { MessageWriter } from '../../framing/message-writer.ts'
import { WITHOUT_LIMITS } from '../../framing/without-limits.ts'
import { type Heard, language } from '../language.ts'
import type { SendInit } from '../messages.ts'

/** How it stands with the window: `lost` is tried again. */
export type LinkState = 'connecting' | 'live' | 'lost'

const { header, sent } = language
const writer = new MessageWriter(header, sent.client, Number.POSITIVE_INFINITY)

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 4_000

/** The page's end of the conversation with the window: Qbp frames over a WebSocket. */
export class Link {
  readonly #url: string
  readonly #hear: (message: Heard) => void
  readonly #onState: (state: LinkState) => void
  #socket: WebSocket | null = null
  #retryMs = FIRST_RETRY_MS

  constructor(url: string, hear: (message: Heard) => void, onState: (state: LinkState) => void) {
    this.#url = url
    this.#hear = hear
    this.#onState = onState
    this.#connect()
  }

  /** Returns whether it is on its way: without the window nothing is. */
  say(message: SendInit & { $name: 'Send' }): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(writer.frame(message) as Uint8Array<ArrayBuffer>)
    return true
  }

  #connect(): void {
    const socket = new WebSocket(this.#url)
    this.#socket = socket
    // Not `shareBytes`: a view would keep the whole WebSocket message for one frame of it.
    const messages = new MessageReader({ ...WITHOUT_LIMITS, header, table: sent.server, unknown: 'skip' })
    let taken = 0
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS
      this.#onState('live')
    }
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      messages.frames.feed(new Uint8Array(data))
      for (let message = messages.take(); message !== NONE; message = messages.take()) this.#hear(message as Heard)
      taken += data.byteLength
      socket.send(writer.frame({ $name: 'Taken', bytes: taken }) as Uint8Array<ArrayBuffer>)
    }
    socket.onclose = () => {
      this.#onState('lost')
      setTimeout(() => this.#connect(), this.#retryMs)
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    }
  }
}
