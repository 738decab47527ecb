// Requests and answers, paired by a field that has the same value in both.

import { other, type Role } from '../base/role.ts'
import type { PairedEvent } from './call-pairs.ts'

/** What a frame is of its pair. */
export interface Pair {
  /** The field's value. */
  readonly key: string
  /** From the request to this answer, in milliseconds; undefined of the request. */
  readonly ms?: number
}

/** As many requests without an answer are remembered. */
const MAX_OPEN = 10_000

/**
 * Pairs frames of events in order. The first frame with a value is the request, the first of the other side with it the answer;
 * then the value may come again. Without a value, or with 0 or an empty one, a frame is of no pair.
 */
export class FieldPairs {
  readonly #path: readonly string[]
  readonly #asked = new Map<string, { from: Role; at: number }>()

  /** @param path `id`, `request.id`, `$header.id`; as a .proto has the names, or as the messages have. Empty for no pairs. */
  constructor(path: string) {
    this.#path = path === '' ? [] : path.split('.')
  }

  get isWanted(): boolean {
    return this.#path.length > 0
  }

  see({ at, connection, direction, kind, message }: PairedEvent): Pair | undefined {
    if (kind === 'close') this.#forget(connection)
    if (!this.isWanted || kind !== 'frame' || message === undefined) return undefined
    const key = this.#valueOf(message)
    if (key === undefined) return undefined
    const place = `${connection} ${key}`
    const asked = this.#asked.get(place)
    if (asked === undefined || asked.from !== other(direction)) {
      this.#asked.set(place, { from: direction, at })
      if (this.#asked.size > MAX_OPEN) this.#asked.delete(this.#asked.keys().next().value as string)
      return { key }
    }
    this.#asked.delete(place)
    return { key, ms: at - asked.at }
  }

  #valueOf(message: object): string | undefined {
    let value: unknown = message
    for (const name of this.#path) {
      if (typeof value !== 'object' || value === null) return undefined
      const fields = value as Record<string, unknown>
      value = fields[name] ?? fields[camelCase(name)]
    }
    if (value instanceof Uint8Array) return value.length === 0 ? undefined : Array.from(value, hex).join('')
    const isValue = ['string', 'number', 'bigint'].includes(typeof value)
    return isValue && value !== '' && isSet(value) ? String(value) : undefined
  }

  #forget(connection: number): void {
    for (const key of this.#asked.keys()) if (key.startsWith(`${connection} `)) this.#asked.delete(key)
  }
}

/** A number that is not sent is 0. */
const isSet = (value: unknown): boolean => value !== 0 && value !== 0n
const camelCase = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
const hex = (byte: number): string => byte.toString(16).padStart(2, '0')
