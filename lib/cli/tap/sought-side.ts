import type { Protocol } from '../../index.ts'
import { errorText, Fault } from '../command/fault.ts'
import { Direction, type Place, type Side } from './direction.ts'
import type { TapEvent } from './events.ts'

/** Of its beginning so much is looked at. */
const SAMPLE_BYTES = 2 ** 16

/** What looks for the layout, and keeps what passes meanwhile. */
export interface Search {
  readonly phase: 'searching' | 'found' | 'given up'
  readonly protocol: Protocol | null
  /** Keeps what a side is to look at once the layout is known. Returns whether there is room for it. */
  keep(side: SoughtSide, bytes: Uint8Array, look: (copy: Uint8Array) => void): boolean
}

/**
 * One side of a connection whose layout is looked for.
 *
 *   kept ── the layout is found ──► read, by a Direction
 *     └──── there is none, or no more room ──► left: it passes undecoded
 */
export class SoughtSide implements Side {
  readonly place: Place
  readonly #search: Search
  readonly #maxBodyBytes: number
  readonly #report: (event: TapEvent) => void
  #direction: Direction | null = null
  #isLeft = false
  #closed = false
  #isFull = false
  /** Its first bytes, and how many there were in all. */
  sample: Uint8Array = new Uint8Array(0)
  length = 0
  /** Bytes came that were not shown to anybody. */
  hasNews = false

  constructor(search: Search, place: Place, maxBodyBytes: number, report: (event: TapEvent) => void) {
    this.#search = search
    this.place = place
    this.#maxBodyBytes = maxBodyBytes
    this.#report = report
  }

  get closed(): boolean {
    return this.#closed
  }

  get isSampled(): boolean {
    return this.sample.length === SAMPLE_BYTES
  }

  get pending(): number | undefined {
    return this.#direction?.pending
  }

  check(bytes: Uint8Array): void {
    if (this.#direction === null) throw new Fault('no layout is known yet.')
    this.#direction.check(bytes)
  }

  sentHere(at: number, bytes: Uint8Array): void {
    this.#direction?.sentHere(at, bytes)
  }

  bytes(at: number, chunk: Uint8Array): void {
    if (this.#isLeft || this.#isFull) return
    const { phase } = this.#search
    if (phase !== 'found') this.#sampleMore(chunk)
    if (phase === 'found') this.#read(at, chunk)
    else if (phase === 'given up') this.leave(at, 'No layout was found in what passed before.')
    else if (!this.#search.keep(this, chunk, (copy) => this.#read(at, copy))) {
      this.#isFull = true
      this.#search.keep(this, NOTHING, () =>
        this.leave(at, 'More passed while the layout was looked for than is kept: this side passes undecoded.'),
      )
    }
  }

  close(at: number, error?: string): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#isKept) this.#search.keep(this, NOTHING, () => this.#close(at, error))
    else this.#close(at, error)
  }

  /** It passes undecoded from here on. */
  leave(at: number, error: string): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#direction = null
    this.#report({ at, ...this.place, kind: 'fault', error, offset: 0, bytes: this.sample })
  }

  get #isKept(): boolean {
    return this.#search.phase === 'searching' && !this.#isLeft
  }

  #sampleMore(chunk: Uint8Array): void {
    const room = SAMPLE_BYTES - this.sample.length
    if (room > 0) this.sample = Buffer.concat([this.sample, chunk.subarray(0, room)])
    this.length += chunk.length
    this.hasNews = true
  }

  #read(at: number, bytes: Uint8Array): void {
    const { protocol } = this.#search
    if (this.#isLeft || protocol === null) return
    this.#direction ??= new Direction(protocol, this.place, this.#maxBodyBytes, this.#report)
    this.sample = NOTHING
    try {
      this.#direction.bytes(at, bytes)
    } catch (error) {
      this.leave(at, errorText(error as Error))
    }
  }

  #close(at: number, error?: string): void {
    if (this.#direction !== null) this.#direction.close(at, error)
    else this.#report({ at, ...this.place, kind: 'close', ...(error !== undefined && { error }) })
  }
}

const NOTHING = new Uint8Array(0)
