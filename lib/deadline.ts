import { QbpError } from './errors.ts'

/** How long a peer may take. Milliseconds; Infinity for no limit. */
export interface DeadlineOptions {
  /** From the first byte of a frame to its last; it stands still while nobody here reads. Default: 30 s. */
  frameTimeoutMs?: number
  /** Without a byte from the peer. Default: Infinity, as a client may have nothing to say for hours. */
  idleTimeoutMs?: number
}

/** What a deadline watches: frames begun and ended, and whether this side wants more. */
interface Watched {
  readonly waiting: boolean
  readonly frames: { readonly index: number; readonly pending: number }
}

/** Checks a time. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive number or Infinity. */
export function milliseconds(name: string, value: number | undefined, initial: number): number {
  if (value === undefined) return initial
  if (typeof value === 'number' && value > 0) return value
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    `${name} is ${String(value)}; it may be a positive number of milliseconds, or Infinity for no limit.`,
  )
}

/** `setTimeout` that holds no process up, and takes Infinity and more than 24 days for never. */
export function timer(ms: number, expired: () => void): NodeJS.Timeout | undefined {
  return ms < 2 ** 31 ? setTimeout(expired, ms).unref() : undefined
}

/** The deadlines of one connection. */
export class Deadlines {
  readonly #watched: Watched
  readonly #frameTimeoutMs: number
  readonly #idle: NodeJS.Timeout | undefined
  readonly #missed: (fault: QbpError) => void
  #frame: NodeJS.Timeout | undefined
  #index = -1

  constructor(watched: Watched, options: DeadlineOptions, missed: (fault: QbpError) => void) {
    this.#watched = watched
    this.#missed = missed
    this.#frameTimeoutMs = milliseconds('frameTimeoutMs', options.frameTimeoutMs, 30_000)
    const idleTimeoutMs = milliseconds('idleTimeoutMs', options.idleTimeoutMs, Number.POSITIVE_INFINITY)
    this.#idle = timer(idleTimeoutMs, () => {
      missed(
        new QbpError('ERR_QBP_IDLE_TIMEOUT', `No byte came for ${idleTimeoutMs} ms, which is idleTimeoutMs.`, {
          limit: idleTimeoutMs,
        }),
      )
    })
  }

  /** Bytes have come and been looked at. */
  touch(): void {
    this.#idle?.refresh()
    const { frames } = this.#watched
    if (frames.pending === 0 || frames.index === this.#index) return
    this.#index = frames.index
    clearTimeout(this.#frame)
    this.#frame = timer(this.#frameTimeoutMs, () => this.#late())
  }

  clear(): void {
    clearTimeout(this.#idle)
    clearTimeout(this.#frame)
  }

  #late(): void {
    const { waiting, frames } = this.#watched
    if (frames.pending === 0 || frames.index !== this.#index) return
    if (!waiting) {
      this.#frame?.refresh()
      return
    }
    this.#missed(
      new QbpError(
        'ERR_QBP_FRAME_TIMEOUT',
        `Frame ${frames.index} was not whole ${this.#frameTimeoutMs} ms after its first byte, which is frameTimeoutMs; ${frames.pending} bytes of it came.`,
        { frame: frames.index, size: frames.pending, limit: this.#frameTimeoutMs },
      ),
    )
  }
}
