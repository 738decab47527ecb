import type { Role } from '../../base/role.ts'
import type { Heard } from '../language.ts'
import type { Totals } from '../messages.ts'
import { Ring } from '../ring.ts'
import { Conversation, nameOf, type Row } from './conversation.ts'
import { line } from './format.ts'
import type { LinkState } from './link.ts'

/** What is shown: rows that pass all that is set. */
export interface Filter {
  /** In the row's name, its fault or its message, whatever the case; `0x…` is looked for in the bytes. */
  readonly text: string
  /** Empty for all. */
  readonly names: ReadonlySet<string>
  readonly connections: ReadonlySet<number>
  readonly from: Role | null
}

/** What passed in a moment, for rates. */
interface Sample {
  readonly at: number
  readonly frames: number
  readonly bytes: number
}

/** A connection with its sums and how they grew of late. */
export class ConnectionState {
  sums: Totals
  #samples: Sample[] = []

  constructor(sums: Totals) {
    this.sums = sums
  }

  update(sums: Totals): void {
    this.sums = sums
    const { client, server } = sums
    const frames = (client?.frames ?? 0) + (server?.frames ?? 0)
    const bytes = (client?.bytes ?? 0) + (server?.bytes ?? 0)
    this.#samples.push({ at: performance.now(), frames, bytes })
    if (this.#samples.length > 64) this.#samples.splice(0, 32)
  }

  get total(): { frames: number; bytes: number } {
    return this.#samples.at(-1) ?? { frames: 0, bytes: 0 }
  }

  /** Frames and bytes a second, over the last two. */
  rate(now: number): { frames: number; bytes: number } {
    const newest = this.#samples.at(-1)
    const base = this.#samples.findLast(({ at }) => at < now - RATE_MS) ?? this.#samples[0]
    if (newest === undefined || base === undefined || newest.at < now - RATE_MS) return { frames: 0, bytes: 0 }
    const seconds = RATE_MS / 1000
    return { frames: (newest.frames - base.frames) / seconds, bytes: (newest.bytes - base.bytes) / seconds }
  }
}

const MAX_ROWS = 50_000
const MAX_BYTES = 64 * 2 ** 20
/** Every row weighs that much beside its frame's bytes. */
const ROW_BYTES = 200
const RATE_MS = 2_000
/** A search goes on in slices that short, so that keys and clicks come between. */
const SLICE_MS = 8
const HISTORY = 120
export const NO_FILTER: Filter = { text: '', names: new Set(), connections: new Set(), from: null }

/** All that the page shows. Every change asks for one redrawing, at the next frame of the screen. */
export class Store {
  conversation: Conversation | null = null
  state: LinkState = 'connecting'
  filter: Filter = NO_FILTER
  /** Whether the table follows what comes. */
  follow = true
  /** Number of the chosen row in the ring. */
  selected: number | null = null
  readonly connections = new Map<number, ConnectionState>()
  /** Frames by name, since the page came or was cleared. */
  readonly names = new Map<string, number>()
  /** Frames a second, the newest last, one every half second. */
  readonly history: number[] = []
  searching = false
  /** Rows that have gone from the view's top. */
  gone = 0

  readonly #redraw: () => void
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

  tell(state: LinkState): void {
    this.state = state
    this.#redraw()
  }

  #add(row: Row): void {
    const number = this.#ring.end
    this.#ring.push(row)
    if (row.kind === 'frame') {
      const name = nameOf(row)
      this.names.set(name, (this.names.get(name) ?? 0) + 1)
    }
    if (this.#frozen === null && this.#passes(row)) this.#view.push(number)
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
    this.names.clear()
    for (const [id, { sums }] of this.connections) if (sums.closed !== 0) this.connections.delete(id)
    this.#redraw()
  }

  setFilter(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change }
    this.#rescan()
    this.#redraw()
  }

  select(number: number | null): void {
    this.selected = number
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

  #passes(row: Row): boolean {
    const { text, names, connections, from } = this.filter
    if (from !== null && row.from !== from) return false
    if (connections.size > 0 && !connections.has(row.connection)) return false
    if (names.size > 0 && !(row.kind === 'frame' && names.has(nameOf(row)))) return false
    return text === '' || this.#holds(row, text)
  }

  #holds(row: Row, text: string): boolean {
    const digits = /^0x((?:[0-9a-f]{2})+)$/i.exec(text.replaceAll(' ', ''))?.[1]
    if (digits !== undefined) return includes(row.bytes, digits)
    const wanted = text.toLowerCase()
    const holds = (part: string) => part.toLowerCase().includes(wanted)
    if (holds(nameOf(row)) || holds(row.error) || holds(row.peer)) return true
    const message = this.conversation?.json(row)
    return message !== null && message !== undefined && holds(line(message, Number.POSITIVE_INFINITY))
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
        if (row !== undefined && this.#passes(row)) found.push(number)
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

function includes(bytes: Uint8Array, digits: string): boolean {
  const wanted = digits.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? []
  for (let i = bytes.indexOf(wanted[0] ?? 0); i >= 0; i = bytes.indexOf(wanted[0] ?? 0, i + 1)) {
    if (wanted.every((byte, j) => bytes[i + j] === byte)) return true
  }
  return false
}
