import { knownOptions, milliseconds } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { NONE } from '../framing/message-reader.ts'
import type { Incoming } from '../protocol/message-types.ts'
import type { Inbox } from './inbox.ts'
import { waitFor } from './waiting.ts'

/** For one reading call. */
export interface ReadOptions {
  /** Ends the wait with its reason; nothing is consumed then. */
  signal?: AbortSignal
  /** Ends the wait with ERR_QBP_READ_TIMEOUT; nothing is consumed then. */
  timeoutMs?: number
}

/** The messages that come. */
export class WebReader<P, R extends Role = Role> {
  readonly #inbox: Inbox

  /** @internal */
  constructor(inbox: Inbox) {
    this.#inbox = inbox
  }

  /**
   * The next message, or null at a clean end. One call at a time; it may be mixed with `for await`.
   *
   * @throws {QbpError} ERR_QBP_BUSY for a second call meanwhile; else the fault of the connection, which every further call throws again;
   * ERR_QBP_READ_TIMEOUT, the signal's reason, or ERR_QBP_BAD_OPTION.
   */
  async readMessage(options: ReadOptions = {}): Promise<Incoming<P, R> | null> {
    knownOptions('readMessage()', options, { signal: true, timeoutMs: true })
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs, Number.POSITIVE_INFINITY)
    options.signal?.throwIfAborted()
    const message = this.#inbox.next()
    return (await (message === NONE ? this.#wait(timeoutMs, options.signal) : message)) as Incoming<P, R> | null
  }

  /** Messages until the clean end. A loop that is left early leaves the rest for the next. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Incoming<P, R>, void, undefined> {
    for (let message = await this.readMessage(); message !== null; message = await this.readMessage()) yield message
  }

  #wait(limit: number, signal: AbortSignal | undefined): Promise<object | null> {
    return waitFor({
      begin: (resolve, reject) => this.#inbox.wait({ resolve, reject }),
      stop: () => this.#inbox.forget(),
      late: { code: 'ERR_QBP_READ_TIMEOUT', text: `No message came within ${limit} ms, which is timeoutMs.` },
      ...{ limit, signal },
    })
  }
}
