// The callers of the soak: each entry has a number of its own, and what its caller was told of it must be true.

import { type AnyHandlers, CallError, type QbpConnection } from '../../lib/index.ts'

/** What the calls of a soak came to. All that should be 0 comes first. */
export interface CallReport {
  /** Calls that were answered, and not carried out; that were not sent, and carried out; or whose streams had a gap. */
  lost: number
  /** Entries that were noted more than once. */
  doubled: number
  answered: number
  /** Calls that failed with their connection, or by its closing. */
  failed: number
}

interface Entry {
  number: bigint
  content: Uint8Array
}

/** How often each number was noted, a byte each, so that hours of calls do not look like a leak. */
class Notes {
  #times = new Uint8Array(2 ** 16)

  add(number: bigint): void {
    const at = Number(number)
    if (at >= this.#times.length) {
      const more = new Uint8Array(2 * at)
      more.set(this.#times)
      this.#times = more
    }
    this.#times[at] = (this.#times[at] ?? 0) + 1
  }

  has(number: bigint): boolean {
    return (this.#times[Number(number)] ?? 0) > 0
  }
}

export class SoakCalls {
  readonly report: CallReport = { lost: 0, doubled: 0, answered: 0, failed: 0 }
  readonly #noted = new Notes()
  readonly #random: () => number
  readonly #surprise: (where: string, error: unknown) => void
  #next = 0n

  constructor(random: () => number, surprise: (where: string, error: unknown) => void) {
    this.#random = random
    this.#surprise = surprise
  }

  readonly handlers: AnyHandlers = {
    note: ({ number, content }: Entry) => {
      if (this.#noted.has(number)) this.report.doubled++
      this.#noted.add(number)
      return { number, content }
    },
    async *count({ number }: Entry) {
      for (let i = 1n; i <= number; i++) yield { number: i, content: new Uint8Array(100) }
    },
  }

  /** Calls as long as the connection stands, and nobody says that it is enough. */
  async run(connection: QbpConnection, isEnough: () => boolean): Promise<void> {
    const ledger = connection.client('Ledger')
    while (!isEnough() && !connection.closing) {
      const number = ++this.#next
      try {
        if (this.#random() < 0.1) await this.#count(ledger.count({ number: 1 + Math.floor(this.#random() * 500) }))
        else {
          await ledger.note({ number, content: new Uint8Array(Math.floor(this.#random() * 2_000)) })
          if (!this.#noted.has(number)) this.report.lost++
        }
        this.report.answered++
      } catch (error) {
        this.#failed(number, error)
      }
      if (this.#random() < 0.5) await new Promise((resolve) => setTimeout(resolve, this.#random() * 100))
    }
  }

  #failed(number: bigint, error: unknown): void {
    const isEnd = error instanceof CallError && ['UNAVAILABLE', 'UNKNOWN', 'CANCELLED'].includes(error.code)
    if (!isEnd) this.#surprise('calling', error)
    else if (!error.sent && this.#noted.has(number)) this.report.lost++
    this.report.failed++
  }

  async #count(answers: AsyncIterable<Entry>): Promise<void> {
    let last = 0n
    for await (const { number } of answers) {
      if (number !== ++last) this.report.lost++
      if (this.#random() < 0.001) return // Somebody who leaves.
    }
  }
}
