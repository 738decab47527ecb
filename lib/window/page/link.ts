import { FrameParser } from '../../framing/frame-parser.ts'
import { type Heard, language } from '../language.ts'

/** How it stands with the window: `lost` is tried again. */
export type LinkState = 'connecting' | 'live' | 'lost'

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 4_000

/** The page's end of the conversation with the window: Qbp frames over a WebSocket. */
export class Link {
  readonly #url: string
  readonly #hear: (message: Heard) => void
  readonly #tell: (state: LinkState) => void
  #retryMs = FIRST_RETRY_MS

  constructor(url: string, hear: (message: Heard) => void, tell: (state: LinkState) => void) {
    this.#url = url
    this.#hear = hear
    this.#tell = tell
    this.#connect()
  }

  #connect(): void {
    const socket = new WebSocket(this.#url)
    const frames = new FrameParser(language.header, Number.POSITIVE_INFINITY)
    let taken = 0
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.#retryMs = FIRST_RETRY_MS
      this.#tell('live')
    }
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      frames.feed(new Uint8Array(data))
      while (frames.next()) {
        const entry = language.sent.server.byType(frames.type)
        // Copied: a view would keep the whole WebSocket message for one frame of it.
        if (entry) this.#hear(entry.decode(frames.buffer, frames.start, frames.end, false, null) as Heard)
      }
      taken += data.byteLength
      socket.send(frame('Taken', { bytes: taken }))
    }
    socket.onclose = () => {
      this.#tell('lost')
      setTimeout(() => this.#connect(), this.#retryMs)
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    }
  }
}

/** One frame of the page's. */
function frame(name: string, message: object): Uint8Array<ArrayBuffer> {
  const { header, sent } = language
  const type = sent.client.byName(name)?.type ?? 0
  const body = language.encode(name, message)
  const size = header.size(type, body.length, null)
  const bytes = new Uint8Array(size + body.length)
  header.write(bytes, 0, type, body.length, null)
  bytes.set(body, size)
  return bytes
}
