import type { Role } from '../../base/role.ts'
import type { Heard } from '../language.ts'
import { type SendInit, Side } from '../messages.ts'
import { Ring } from '../ring.ts'
import { ConnectionState } from './connection-state.ts'
import { Conversation, nameOf, type Row } from './conversation.ts'
import { type Filter, keepFilter, keptFilter, passes } from './filter.ts'
import type { LinkState } from './link.ts'

const MAX_ROWS = 50_000
const MAX_BYTES = 64 * 2 ** 20
/** Every row weighs that much beside its frame's bytes. */
const ROW_BYTES = 200
/** A search goes on in slices that short, so that keys and clicks come between. */
const SLICE_MS = 8
const HISTORY = 120
/** All that the page shows. Every change asks for one redrawing, at the next frame of the screen. */
export class Store {
  conversation: Conversation | null = null
  state: LinkState = 'connecting'
  filter: Filter = keptFilter()
  /** Whether the table follows what comes. */
  follow = true
  /** Number of the chosen row in the ring. */
  selected: number | null = null
  readonly connections = new Map<number, ConnectionState>()
  /** Frames by name, since the page came or was cleared. */
  readonly names = new Map<string, number>()
  /** Frames a second, the newest last, one every half second. */
  readonly history: number[] = []
  /** Number of the row that others are compared with. */
  compared: number | null = null
  searching = false
  /** Rows that have gone from the view's top. */
  gone = 0

  /** Brings a message to the window; returns whether it is on its way. */
  say: (message: SendInit & { $name: 'Send' }) => boolean = () => false

  readonly #redraw: () => void
  readonly #answers = new Map<number, (error: string) => void>()
  #nextId = 1
  readonly #ring = new Ring<Row>(MAX_ROWS, MAX_BYTES, ({ bytes }) => bytes.length + ROW_BYTES)
  #frozen: Ring<Row> | null = null
  #view: number[] = []
  #missed = 0
  #cleared = 0
  #nextIndex = 0
  #scan = 0

  constructor(redraw: () => void) {
    this.#redraw = redraw
  }

  hear(message: Heard): void {
    switch (message.$name) {
      case 'Hello':
        this.conversation = new Conversation(message)
        break
      case 'Event': {
        // Sent again after the connection to the window was lost.
        if (message.index < this.#nextIndex || this.conversation === null) return
        this.#nextIndex = message.index + 1
        this.#add(this.conversation.row(message))
        break
      }
      case 'Answer':
        this.#answers.get(message.id)?.(message.error)
        this.#answers.delete(message.id)
        break
      case 'Dropped':
        this.#missed += message.events
        break
      case 'Totals': {
        const known = this.connections.get(message.connection) ?? new ConnectionState(message)
        known.update(message)
        this.connections.set(message.connection, known)
        break
      }
    }
    this.#redraw()
  }

  /** Sends a frame in a side's name. Resolves to why it was not sent, or to nothing. */
  send(connection: number, from: Role, bytes: Uint8Array): Promise<string> {
    const id = this.#nextId++
    const side = from === 'client' ? Side.CLIENT : Side.SERVER
    if (!this.say({ $name: 'Send', id, connection, from: side, bytes })) return Promise.resolve('The tap is gone.')
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  setState(state: LinkState): void {
    this.state = state
    if (state === 'lost') {
      for (const answer of this.#answers.values()) answer('The tap is gone: whether it was sent is not known.')
      this.#answers.clear()
    }
    this.#redraw()
  }

  #add(row: Row): void {
    const number = this.#ring.end
    this.#ring.push(row)
    if (row.kind === 'frame') {
      const name = nameOf(row)
      this.names.set(name, (this.names.get(name) ?? 0) + 1)
    }
    if (this.#frozen === null && passes(row, this.filter, this.conversation)) this.#view.push(number)
  }

  /** The rows that are looked at: those that come, or those that were there when the view was paused. */
  get #rows(): Ring<Row> {
    return this.#frozen ?? this.#ring
  }

  get paused(): boolean {
    return this.#frozen !== null
  }

  /** Rows that came since the view was paused. */
  get waiting(): number {
    return this.#frozen === null ? 0 : this.#ring.end - this.#frozen.end
  }

  /** Older rows that are gone, from the window's store or the page's. */
  get dropped(): number {
    return this.#missed + this.#ring.first - this.#cleared
  }

  get size(): number {
    return this.#rows.size
  }

  /** The numbers of the rows that pass the filter, in order. */
  get view(): readonly number[] {
    const { first } = this.#rows
    if ((this.#view[0] ?? first) < first) {
      let gone = 0
      while ((this.#view[gone] ?? first) < first) gone++
      this.#view.splice(0, gone)
      this.gone += gone
    }
    return this.#view
  }

  row(number: number): Row | undefined {
    return this.#rows.get(number)
  }

  /** Stops the view; what passes goes on to be taken in. */
  pause(paused: boolean): void {
    if (paused === this.paused) return
    this.#frozen = paused ? this.#ring.snapshot() : null
    if (!paused) this.#rescan()
    this.#redraw()
  }

  clear(): void {
    this.#ring.clear()
    this.#frozen = null
    this.#missed = 0
    this.#cleared = this.#ring.first
    this.#view = []
    this.selected = null
    this.compared = null
    this.names.clear()
    for (const [id, { sums }] of this.connections) if (sums.closed !== 0) this.connections.delete(id)
    this.#redraw()
  }

  setFilter(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change }
    keepFilter(this.filter)
    this.#rescan()
    this.#redraw()
  }

  select(number: number | null): void {
    this.selected = number
    this.#redraw()
  }

  /** Others are compared with this one; null for none. */
  compare(number: number | null): void {
    this.compared = number
    this.#redraw()
  }

  setFollow(follow: boolean): void {
    if (this.follow === follow) return
    this.follow = follow
    this.#redraw()
  }

  /** Called every half second. */
  tick(): void {
    const now = performance.now()
    let frames = 0
    for (const connection of this.connections.values()) frames += connection.rate(now).frames
    this.history.push(frames)
    if (this.history.length > HISTORY) this.history.shift()
    this.#redraw()
  }

  /** Looks through all rows again, the newest first; a search in texts may take several frames of the screen. */
  #rescan(): void {
    const scan = ++this.#scan
    const rows = this.#rows
    const { end } = rows
    const found: number[] = []
    let number = end
    const look = () => {
      if (scan !== this.#scan) return
      const until = performance.now() + SLICE_MS
      while (number-- > rows.first) {
        const row = rows.get(number)
        if (row !== undefined && passes(row, this.filter, this.conversation)) found.push(number)
        if ((number & 63) === 0 && performance.now() > until) break
      }
      // What came since the search began has been looked at when it came.
      const since = this.#view.filter((each) => each >= end)
      this.#view = [...found.toReversed(), ...since]
      this.searching = number > rows.first
      if (this.searching) setTimeout(look)
      this.#redraw()
    }
    this.#view = this.#view.filter((each) => each >= end)
    look()
  }
}
