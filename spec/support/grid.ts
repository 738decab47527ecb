// What the specs of groups have in common: clients without a socket.

import { Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { chat, type Said } from '../../schemas/chat.ts'

export const protocol = Protocol.from(chat)

/** A client of a group: the writer that joins, and what has come out of it on the other side. */
export class Client {
  readonly writer: QbpWritable<typeof protocol, 'server'>
  readonly heard: string[] = []
  readonly positions: string[] = []
  readonly #reader = new QbpReadable(protocol, { role: 'client' })
  fault: Error | undefined
  onHeard: (message: Said) => void = () => {}

  /** One that does not read lets what is written pile up. */
  constructor({ reads = true, maxQueuedBytes = 2 ** 24 } = {}) {
    this.writer = new QbpWritable(protocol, { role: 'server' as const, maxQueuedBytes })
    this.writer.on('error', (error) => {
      this.fault = error
    })
    if (reads) this.read()
  }

  read(): void {
    this.writer.on('data', (chunk) => this.#reader.write(chunk))
    this.#reader.on('data', (message: Said) => {
      this.heard.push(message.text)
      this.positions.push(message.position)
      this.onHeard(message)
    })
  }
}

export const say = (text: string) => ({ $name: 'Said' as const, room: 'lobby', name: 'ann', text })
