import { EventEmitter } from 'node:events'
import { Protocol } from '../../index.ts'
import { recognise } from '../capture/recognise.ts'
import { errorText } from '../command/fault.ts'
import { guessing } from '../guess/guess.ts'
import type { Guess } from '../guess/reading.ts'
import { sureGuess } from '../guess/sure.ts'
import type { Stream } from '../guess/tiling.ts'
import { Direction, type Place, type Side } from './direction.ts'
import type { TapEvent } from './events.ts'
import { now } from './passage.ts'
import { type Search, SoughtSide } from './sought-side.ts'

interface SearchEvents {
  /** The layout is known; what was kept is going to be read by it. */
  found: [guess: Guess, protocol: Protocol]
  /** Nothing has come for a while, and no layout is sure: `likeliest` is the best of those that may be. */
  unsure: [sides: readonly SoughtSide[], likeliest: Guess | undefined]
}

/** Sides whose beginnings are looked at together. */
const MOST_SIDES = 16
const MOST_ALONE = 2
/** So many connections that speak something else are remembered. */
const MOST_OTHERS = 1000
/** What passes is kept until the layout is known, so much of it in all. */
const MOST_KEPT_BYTES = 2 ** 20
/** If so much is looked at in vain, more will not help. */
const MOST_SAMPLED_BYTES = 2 ** 18

/** Bytes are looked at so soon after they came, where they are half as many again; any are so late. */
const SOON_MS = 20
const LATE_MS = 250
/** After a look in vain it rests so many times as long as that took. */
const REST = 4
/** It works in turns so long, between which bytes are passed on. */
const TURN_MS = 4
const QUIET_MS = 1000

/**
 * Finds the layout of what passes a tap of which nothing is said, by its first bytes. What passes is kept meanwhile, as far as there
 * is room, and is then read from its first byte.
 *
 *   searching ── a guess is sure ──► found     every side reads what it kept, in the order in which it came
 *   searching ── too much in vain ─► given up  every side reports what it kept as it is
 */
export class LayoutSearch extends EventEmitter<SearchEvents> implements Search {
  #phase: 'searching' | 'found' | 'given up' = 'searching'
  /** Once it is found. */
  protocol: Protocol | null = null
  /** Sides that have sent something, in the order in which they began. */
  readonly #sides = new Set<SoughtSide>()
  /** What came, of all sides. */
  #kept: { readonly side: SoughtSide; readonly bytes: number; readonly look: () => void }[] = []
  #keptBytes = 0
  #isFull = false
  /** Connections that speak something else, and what. */
  readonly #others = new Map<number, string>()
  #likeliest: Guess | undefined
  #looked = 0
  #restMs = 0
  #working: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #due = Number.POSITIVE_INFINITY
  #quiet: NodeJS.Timeout | undefined

  get phase(): 'searching' | 'found' | 'given up' {
    return this.#phase
  }

  /** What looks at one side of a connection. */
  side(place: Place, maxBodyBytes: number, report: (event: TapEvent) => void): Side {
    if (this.protocol !== null) return new Direction(this.protocol, place, maxBodyBytes, report)
    return new SoughtSide(this, place, maxBodyBytes, report)
  }

  keep(side: SoughtSide, bytes: Uint8Array, look: (copy: Uint8Array) => void): boolean {
    const { connection } = side.place
    if (this.#others.has(connection)) {
      side.leave(now(), this.#others.get(connection) as string)
      look(bytes)
      return true
    }
    this.#isFull ||= this.#keptBytes + bytes.length > MOST_KEPT_BYTES
    if (bytes.length > 0 && this.#isFull) return false
    this.#keptBytes += bytes.length
    const copy = Uint8Array.from(bytes)
    this.#kept.push({ side, bytes: copy.length, look: () => look(copy) })
    if (side.sample.length > 0) this.#sides.add(side)
    this.#plan(side.closed || this.#sampled > this.#looked * 1.5 ? SOON_MS : LATE_MS)
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => void this.#beUnsure(), QUIET_MS)
    return true
  }

  /** Looks a last time, and reports what is kept if that is in vain. */
  async close(): Promise<void> {
    clearTimeout(this.#quiet)
    clearTimeout(this.#timer)
    await this.#working
    if (this.#phase === 'searching' && this.#sampled > this.#looked) await this.#look()
    if (this.#phase === 'searching') this.#giveUp()
  }

  get #sampled(): number {
    return [...this.#sides].slice(0, MOST_SIDES).reduce((sum, { sample }) => sum + sample.length, 0)
  }

  /** All sides together; and by themselves those of the connections that have sent the most: one that speaks something else spoils all. */
  #parties(): SoughtSide[][] {
    const sides = [...this.#sides].slice(0, MOST_SIDES)
    const connections = new Map<number, SoughtSide[]>()
    for (const side of sides) {
      const { connection } = side.place
      connections.set(connection, [...(connections.get(connection) ?? []), side])
    }
    if (connections.size < 2) return [sides]
    const sizeOf = (each: SoughtSide[]) => each.reduce((sum, { sample }) => sum + sample.length, 0)
    return [sides, ...[...connections.values()].sort((a, b) => sizeOf(b) - sizeOf(a)).slice(0, MOST_ALONE)]
  }

  #plan(inMs: number): void {
    const due = performance.now() + Math.max(inMs, this.#restMs)
    if (this.#phase !== 'searching' || this.#working !== undefined || due >= this.#due) return
    this.#due = due
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#working = this.#look()
        // Whatever becomes of the search, bytes are passed on.
        .catch((error) => this.#giveUp(errorText(error)))
        .finally(() => {
          this.#working = undefined
          this.#due = Number.POSITIVE_INFINITY
          if (this.#sampled > this.#looked) this.#plan(LATE_MS)
        })
    }, due - performance.now())
  }

  async #look(): Promise<void> {
    for (const side of this.#sides) {
      const known = recognise(side.sample)
      if (known !== undefined) this.#exclude(side, `The ${side.place.direction}'s bytes are ${known}.`)
    }
    const sampled = this.#sampled
    const begin = performance.now()
    let sure: Guess | undefined
    this.#likeliest = undefined
    for (const sides of this.#parties()) {
      const guesses = await inTurns(guessing(streamsOf(sides), { fromStart: true }))
      this.#likeliest ??= guesses[0]
      sure = sureGuess(guesses)
      if (sure !== undefined) break
    }
    this.#looked = sampled
    this.#restMs = (performance.now() - begin) * REST
    const isEnough = sampled >= MOST_SAMPLED_BYTES || [...this.#sides].every(({ isSampled }) => isSampled)
    if (sure !== undefined) this.#find(sure)
    else if (this.#isFull || (isEnough && sampled > 0)) this.#giveUp()
  }

  #find(guess: Guess): void {
    this.#end('found')
    this.protocol = Protocol.raw({ header: guess.header })
    this.emit('found', guess, this.protocol)
    this.#release()
  }

  #giveUp(why = this.#likeliest && `the likeliest is '${this.#likeliest.line}'`): void {
    this.#end('given up')
    const more = why === undefined ? '' : `; ${why}`
    for (const side of this.#sides) side.leave(now(), `No layout is sure by its first ${side.length} bytes${more}.`)
    this.#release()
  }

  #end(phase: 'found' | 'given up'): void {
    this.#phase = phase
    clearTimeout(this.#quiet)
    clearTimeout(this.#timer)
  }

  #release(): void {
    const kept = this.#kept
    this.#kept = []
    for (const { look } of kept) look()
    this.#sides.clear()
  }

  /** Its connection speaks something else. */
  #exclude({ place: { connection } }: SoughtSide, what: string): void {
    this.#others.set(connection, what)
    const [oldest] = this.#others.keys()
    if (this.#others.size > MOST_OTHERS) this.#others.delete(oldest as number)
    for (const side of this.#sides) {
      if (side.place.connection !== connection) continue
      this.#sides.delete(side)
      side.leave(now(), what)
    }
    const kept = this.#kept.filter(({ side }) => side.place.connection === connection)
    this.#kept = this.#kept.filter(({ side }) => side.place.connection !== connection)
    for (const { bytes, look } of kept) {
      this.#keptBytes -= bytes
      look()
    }
  }

  async #beUnsure(): Promise<void> {
    await this.#working
    if (this.#phase !== 'searching') return
    const news = [...this.#sides].filter((side) => side.hasNews)
    if (news.length > 0) this.emit('unsure', news, this.#likeliest)
    for (const side of news) side.hasNews = false
  }
}

const streamsOf = (sides: readonly SoughtSide[]): Stream[] =>
  sides.map(({ sample, closed, length, place: { direction } }) => ({
    ...{ bytes: sample, direction },
    cut: !closed || length > sample.length,
  }))

/** Does all of it, and gives others their turn in between. */
async function inTurns<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const end = performance.now() + TURN_MS
    do {
      const { done, value } = work.next()
      if (done) return value
    } while (performance.now() < end)
    await new Promise(setImmediate)
  }
}
