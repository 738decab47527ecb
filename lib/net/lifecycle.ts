import { afterInput, timer } from '../event-loop/timers.ts'

// The phases of a connection, which go one way:
//
//              close, destroy, detach           the duplex has closed,          a turn later
//     open ──────────────────────────► closing ───────────────────────► ended ──────────────► settled
//       │                                       or was handed on          ▲
//       └─────────────────────────────────────────────────────────────────┘
//                        the duplex has closed under the connection
//
//   open      Messages go both ways; one way only once the peer has ended its side.
//   closing   This side wants no more: what was written is sent, what still comes is dropped.
//   ended     Nothing passes any more. A truncation, which the reader reports a tick after the duplex has closed, still counts.
//   settled   The outcome is final, and `closed` resolves with it.
export type Phase = 'open' | 'closing' | 'ended' | 'settled'

/** How far a connection has come to its end, and with which outcome. */
export class Lifecycle {
  #phase: Phase = 'open'
  /** Undefined until something has decided it. */
  #outcome: Error | null | undefined
  /** `closed`, once somebody has asked for it. */
  #closed: Promise<Error | null> | null = null
  #resolve: ((outcome: Error | null) => void) | null = null
  #timers: Set<NodeJS.Timeout> | null = null

  get phase(): Phase {
    return this.#phase
  }

  /** Whether nothing passes any more. */
  get isOver(): boolean {
    return this.#phase === 'ended' || this.#phase === 'settled'
  }

  /** How it ended, as far as anything has decided: null after a clean end, else the fault. */
  get outcome(): Error | null {
    return this.#outcome ?? null
  }

  /** Resolves with the outcome once that is final. Never rejects. */
  get closed(): Promise<Error | null> {
    this.#closed ??=
      this.#phase === 'settled'
        ? Promise.resolve(this.outcome)
        : new Promise((resolve) => {
            this.#resolve = resolve
          })
    return this.#closed
  }

  /** Whether anybody has asked for `closed`. */
  get isAwaited(): boolean {
    return this.#closed !== null
  }

  /** Decides the outcome, unless something has before: the first fault explains those that follow it. */
  decide(outcome: Error | null): void {
    if (this.#outcome === undefined) this.#outcome = outcome
  }

  /** As after a clean end, whatever was decided before. */
  forgive(): void {
    this.#outcome = null
  }

  /** Goes from open to closing. @returns false where it was not open. */
  close(): boolean {
    if (this.#phase !== 'open') return false
    this.#phase = 'closing'
    return true
  }

  /** Nothing passes any more. @returns false where that was known. */
  end(settled: (outcome: Error | null) => void): boolean {
    if (this.isOver) return false
    this.#phase = 'ended'
    if (this.#timers !== null) for (const each of this.#timers) clearTimeout(each)
    this.#timers = null
    afterInput(() => {
      this.#phase = 'settled'
      this.#resolve?.(this.outcome)
      settled(this.outcome)
    })
    return true
  }

  /** Calls back after a while, unless it has ended by then. The process waits for it: somebody may wait for `closed`. */
  later(ms: number, act: () => void): NodeJS.Timeout | undefined {
    if (this.isOver) return undefined
    const later = timer(ms, () => {
      this.#timers?.delete(later as NodeJS.Timeout)
      act()
    })?.ref()
    if (later === undefined) return undefined
    this.#timers ??= new Set()
    this.#timers.add(later)
    return later
  }
}
