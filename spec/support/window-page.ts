import { once } from 'node:events'
import { WebSocket } from 'ws'
import { MessageReader, NONE } from '../../lib/framing/message-reader.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import { type Heard, language } from '../../lib/window/language.ts'

/** A page that says only what it is told to say. */
export class Page {
  readonly heard: Heard[] = []
  readonly socket: WebSocket
  readonly #messages = new MessageReader({
    ...WITHOUT_LIMITS,
    header: language.header,
    table: language.sent.server,
  })
  #taken = 0

  constructor(url: string, origin = new URL(url).origin, takes = true) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}frames`, { origin })
    this.socket.on('message', (bytes: Buffer) => {
      const messages = this.#messages
      messages.frames.feed(bytes)
      for (let message = messages.take(); message !== NONE; message = messages.take()) this.heard.push(message as Heard)
      this.#taken += bytes.length
      if (takes) this.take()
    })
  }

  take(): void {
    const body = language.encode('Taken', { bytes: this.#taken })
    const head = Buffer.alloc(6)
    head.writeUInt16BE(10)
    head.writeUInt32BE(body.length, 2)
    this.socket.send(Buffer.concat([head, body]))
  }

  async until(holds: (heard: Heard[]) => boolean): Promise<void> {
    while (!holds(this.heard)) await once(this.socket, 'message')
  }
}
