import { QbpError } from '../base/errors.ts'
import { timer } from '../event-loop/timers.ts'

/** Waits until a server's connections and handlers are gone, or the time for it is over. */
export class Departure {
  /** Resolves when all are gone, and what follows is done. */
  readonly ofAll: Promise<void>
  #resolve!: () => void
  readonly #timers: (NodeJS.Timeout | undefined)[] = []
  /** The handlers that wait for the others to be gone. */
  readonly #inside: (() => void)[] = []
  #connections = 0
  #handlers = 0
  #isOver = false

  /** @param gone is called when all are gone, or the time for it is over. */
  constructor(gone: () => Promise<void>) {
    this.ofAll = new Promise<void>((resolve) => {
      this.#resolve = resolve
    }).then(gone)
  }

  /** Resolves for a handler that waits itself: when all that remains are handlers that wait so, and their connections. */
  ofOthers(): Promise<void> {
    if (this.#isOver) return this.ofAll
    return new Promise((resolve) => {
      this.#inside.push(resolve)
      this.check(this.#connections, this.#handlers)
    })
  }

  /** After so long nothing that is not gone is waited for any more. */
  within(ms: number, expired: () => void): void {
    if (this.#isOver) return
    const late = () => {
      expired()
      this.#end()
    }
    this.#timers.push(timer(ms, late)?.ref())
  }

  /** So many remain. */
  check(connections: number, handlers: number): void {
    this.#connections = connections
    this.#handlers = handlers
    const inside = this.#inside.length
    if (connections + handlers === 0) this.#end()
    else if (inside > 0 && handlers <= inside && connections <= handlers) this.#release()
  }

  #release(): void {
    for (const resolve of this.#inside) resolve()
  }

  #end(): void {
    this.#isOver = true
    for (const each of this.#timers) clearTimeout(each)
    this.#release()
    this.#resolve()
  }
}

/** The fault of a connection that is not done when the time is over. */
export function lateFault(limit: number): QbpError {
  return new QbpError(
    'ERR_QBP_CLOSED',
    `The server closed, and the connection was not done after ${limit} ms, which is graceMs.`,
    { limit },
  )
}
