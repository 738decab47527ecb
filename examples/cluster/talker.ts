// Clients, which come back wherever they can, and count what they hear.

import { setTimeout as pause } from 'node:timers/promises'
import { connect, type QbpConnection } from '../../lib/index.ts'
import { protocol } from './node.ts'

/** How often somebody says something. */
export const PACE_MS = 8

export interface Tally {
  sent: number
  delivered: number
  lost: number
  duplicated: number
  reordered: number
}

export class Talker {
  readonly name: string
  readonly #room: string
  readonly #port: () => number
  readonly #paceMs: number
  /** Of each name in the room, the numbers heard, in the order heard. */
  readonly heard = new Map<string, number[]>()
  /** What was said and not heard yet: said again after a reconnection, if nobody has heard it. */
  readonly #open = new Set<number>()
  said = 0
  resumed = 0
  refused = 0
  /** Null until all are there. */
  isTalking: boolean | null = null
  #token = ''
  #position = ''
  #isDone = false

  constructor(name: string, room: string, port: () => number, paceMs = PACE_MS) {
    this.name = name
    this.#room = room
    this.#port = port
    this.#paceMs = paceMs
  }

  get isThere(): boolean {
    return this.#token !== ''
  }

  get isQuiet(): boolean {
    return this.#open.size === 0 && this.isTalking === false
  }

  /** Lives through any number of connections. */
  async run(): Promise<void> {
    while (!this.#isDone) {
      try {
        await this.#connection()
      } catch {
        // The server has gone: there are others.
      }
      if (!this.#isDone) await pause(20)
    }
  }

  async #connection(): Promise<void> {
    await using connection = await connect(protocol, { port: this.#port(), host: '127.0.0.1' })
    const { reader, writer } = connection
    const room = this.#room
    const isBack = this.#token !== ''
    if (isBack) writer.write({ $name: 'Resume', room, token: this.#token, position: this.#position })
    else writer.write({ $name: 'Join', room, name: this.name })
    const over = new AbortController()
    void connection.closed.then(() => over.abort())
    let talking = Promise.resolve()
    for await (const message of reader) {
      if (message.$name === 'Welcome') {
        if (isBack) this.resumed++
        else this.#position = message.position
        this.#token = message.token
        for (const n of this.#open) writer.write({ $name: 'Say', room, text: String(n) })
        talking = this.#talk(connection, over.signal)
      } else if (message.$name === 'Said') {
        this.#position = message.position
        const n = Number(message.text)
        this.heard.set(message.name, [...(this.heard.get(message.name) ?? []), n])
        if (message.name === this.name) this.#open.delete(n)
      } else if (message.$name === 'Refused') {
        this.refused++
        this.#token = ''
      }
    }
    over.abort()
    await talking
  }

  async #talk({ writer }: QbpConnection<typeof protocol, 'client'>, over: AbortSignal): Promise<void> {
    while (this.isTalking === null && !over.aborted) await pause(this.#paceMs)
    while (this.isTalking && !over.aborted) {
      this.#open.add(++this.said)
      writer.write({ $name: 'Say', room: this.#room, text: String(this.said) })
      await pause(this.#paceMs)
    }
    while (!this.#isDone && !over.aborted) await pause(this.#paceMs)
    if (!over.aborted) writer.write({ $name: 'Leave', room: this.#room })
  }

  leave(): void {
    this.#isDone = true
  }
}

/** What became of all that was said. */
export function count(talkers: readonly Talker[]): Tally {
  const tally = { sent: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0 }
  const saidBy = new Map(talkers.map(({ name, said }) => [name, said]))
  for (const { heard } of talkers) {
    for (const [name, numbers] of heard) {
      const said = saidBy.get(name) ?? 0
      const seen = new Set(numbers)
      tally.sent += said
      tally.delivered += seen.size
      tally.lost += said - seen.size
      tally.duplicated += numbers.length - seen.size
      tally.reordered += numbers.filter((n, i) => i > 0 && n < (numbers[i - 1] ?? 0)).length
    }
  }
  return tally
}
