import type { Change, Entry, Key, Position } from './contract.ts'
import { samePosition } from './position.ts'

interface Seen {
  readonly key: Key
  readonly revision: Position
  /** Reports the entry's end: no engine does when an entry has expired. */
  readonly timer: NodeJS.Timeout
}

/**
 * What a watch has reported so far, so that each change is reported once. Of a snapshot taken anew after the engine's absence the
 * difference is reported: what has vanished meanwhile as deleted.
 */
export class Watch {
  readonly #report: (change: Change) => void
  readonly #seen = new Map<string, Seen>()
  /** While a snapshot is being read: the keys that it has held so far. */
  #snapshot: Set<string> | undefined

  constructor(report: (change: Change) => void) {
    this.#report = report
  }

  startSnapshot(): void {
    this.#snapshot = new Set()
  }

  endSnapshot(): void {
    const held = this.#snapshot
    this.#snapshot = undefined
    if (!held) return
    for (const id of this.#seen.keys()) if (!held.has(id)) this.#forget(id)
  }

  /** An entry is there, for `leftMs` more. */
  set(entry: Entry, leftMs: number): void {
    const id = JSON.stringify(entry.key)
    if (leftMs <= 0) {
      this.#forget(id)
      return
    }
    this.#snapshot?.add(id)
    const known = this.#seen.get(id)
    if (known && samePosition(known.revision, entry.revision)) return
    clearTimeout(known?.timer)
    const timer = setTimeout(() => this.#forget(id), leftMs)
    timer.unref()
    this.#seen.set(id, { key: entry.key, revision: entry.revision, timer })
    this.#report({ key: entry.key, value: entry.value, revision: entry.revision })
  }

  /** The key holds nothing. */
  delete(key: Key): void {
    this.#forget(JSON.stringify(key))
  }

  close(): void {
    for (const { timer } of this.#seen.values()) clearTimeout(timer)
    this.#seen.clear()
  }

  #forget(id: string): void {
    const known = this.#seen.get(id)
    if (!known) return
    clearTimeout(known.timer)
    this.#seen.delete(id)
    this.#report({ key: known.key, value: null, revision: known.revision })
  }
}
