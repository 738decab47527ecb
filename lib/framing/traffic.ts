import type { Entry } from './table.ts'

/** Messages that went one way, and the bytes of their frames, headers included. */
export interface Traffic {
  messages: number
  bytes: number
}

/** Frames that were dropped because a policy of the protocol is 'skip'. */
export interface Skipped {
  /** Of a type that no table lists. */
  unknown: number
  /** Whose body did not decode. */
  invalid: number
}

/** What a reader has counted. */
export interface ReaderCounts {
  /** Frames handed out or dropped, by name; those that a policy dropped are among them. */
  readonly tally: Tally
  readonly skipped: Readonly<Skipped>
  /** Bytes that were no frame. */
  readonly dropped: number
}

interface Slot extends Traffic {
  readonly name: string
}

/** The name under which frames are counted whose type no table lists. No message can be called so. */
export const UNLISTED = '(unlisted)'

const NONE: readonly undefined[] = []

/** What one stream counts, frame by frame: it stands on the path of every message. */
export class Tally {
  /** By the entries' places in their table; 0 is the place of types that no table lists. */
  #slots: readonly (Slot | undefined)[] = NONE
  /** Of other tables, in a sum. */
  #others: Map<string, Slot> | null = null

  count(entry: Entry | undefined, bytes: number): void {
    const slot = this.#slots[entry === undefined ? 0 : entry.place] ?? this.#slot(entry?.place ?? 0, entry?.name)
    slot.messages++
    slot.bytes += bytes
  }

  /** Adds what a stream has counted, most often one of the same table. */
  add(tally: Tally): void {
    for (const [place, slot] of tally.#slots.entries()) if (slot !== undefined) this.#sum(place, slot)
    if (tally.#others !== null) for (const slot of tally.#others.values()) this.#sum(0, slot)
  }

  #sum(place: number, { name, messages, bytes }: Slot): void {
    const own = this.#slots[place] ?? (place === 0 && name !== UNLISTED ? undefined : this.#slot(place, name))
    const sum = own?.name === name ? own : this.#other(name)
    sum.messages += messages
    sum.bytes += bytes
  }

  #other(name: string): Slot {
    const known = this.#slots.find((slot) => slot?.name === name) ?? this.#others?.get(name)
    if (known !== undefined) return known
    const other = { name, messages: 0, bytes: 0 }
    this.#others ??= new Map()
    this.#others.set(name, other)
    return other
  }

  #all(): Slot[] {
    const own = this.#slots.filter((slot) => slot !== undefined)
    return this.#others === null ? own : [...own, ...this.#others.values()]
  }

  total(): Traffic {
    const total = { messages: 0, bytes: 0 }
    for (const { messages, bytes } of this.#all()) {
      total.messages += messages
      total.bytes += bytes
    }
    return total
  }

  /** A copy, in the order of the table; names that were never counted are not in it. */
  byName(): Record<string, Traffic> {
    return Object.fromEntries(this.#all().map(({ name, messages, bytes }) => [name, { messages, bytes }]))
  }

  #slot(place: number, name = UNLISTED): Slot {
    const slot = { name, messages: 0, bytes: 0 }
    const length = Math.max(this.#slots.length, place + 1) // No holes: they would slow every look-up.
    this.#slots = Array.from({ length }, (_, i) => (i === place ? slot : this.#slots[i]))
    return slot
  }
}
