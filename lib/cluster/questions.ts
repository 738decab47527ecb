import { immediate } from '../event-loop/timers.ts'
import type { Ask } from './presence-note.ts'

/** How long somebody waits for the answer of another node. */
const ANSWER_MS = 2_000
/** How many groups one question names. */
const ASKED = 1_000

/** What questions need to be sent. */
export interface Asking {
  /** Which version of a peer's list is known of a group: -1 for none. */
  known(id: string, instance: string): number
  /** Rejects where the peer is gone. */
  send(instance: string, ask: Ask['ask']): Promise<void>
}

/** Questions for the lists of other nodes. Those of one turn leave together, and each is waited for until its answer is whole. */
export class Questions {
  readonly #asking: Asking
  /** What is to be asked of each peer, by the end of this turn. */
  readonly #next = new Map<string, Set<string>>()
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(asking: Asking) {
    this.#asking = asking
  }

  /** Asks peers for their members of a group. Resolves once they have answered, as far as they do. */
  async ask(id: string, instances: readonly string[]): Promise<void> {
    await Promise.all(instances.map((instance) => this.#askOne(id, instance)))
  }

  /** A peer has answered, or will not. */
  answered(instance: string, id: string): void {
    for (const done of [...(this.#waiting.get(`${instance} ${id}`) ?? [])]) done()
  }

  #askOne(id: string, instance: string): Promise<void> {
    return new Promise((resolve) => {
      const answer = `${instance} ${id}`
      const timer = setTimeout(() => done(), ANSWER_MS)
      timer.unref()
      const done = () => {
        clearTimeout(timer)
        waiting.delete(done)
        if (waiting.size === 0) this.#waiting.delete(answer)
        resolve()
      }
      const waiting = this.#waiting.get(answer) ?? new Set()
      this.#waiting.set(answer, waiting.add(done))
      if (this.#next.size === 0) immediate(() => this.#send())
      this.#next.set(instance, (this.#next.get(instance) ?? new Set()).add(id))
    })
  }

  #send(): void {
    const next = [...this.#next]
    this.#next.clear()
    for (const [instance, ids] of next) {
      const known = [...ids].map((id) => [id, this.#asking.known(id, instance)] as const)
      for (let i = 0; i < known.length; i += ASKED) {
        const ask = known.slice(i, i + ASKED)
        this.#asking.send(instance, ask).catch(() => {
          for (const [id] of ask) this.answered(instance, id)
        })
      }
    }
  }
}
