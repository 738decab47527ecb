import { QbpError } from '../base/errors.ts'
import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import type { ConnectionSettings } from './options.ts'

/** What the deadlines of a connection watch. */
export interface Watched {
  /** Whether somebody here waits for bytes. */
  readonly waiting: boolean
  readonly frames: { readonly index: number; readonly pending: number }
  beat(frame: Uint8Array): void
  missed(fault: QbpError): void
}

/** The shortest time limit is looked at so often. */
const STEPS = 8
const MIN_BYTES_PER_SECOND = 1_024

/**
 * The deadlines of one connection, on one timer. Time is counted while this page runs: of a longer pause, as when the tab sleeps, two steps count, so
 * that bytes that came meanwhile are heard before anybody is declared dead.
 */
export class Deadlines {
  readonly #watched: Watched
  readonly #settings: ConnectionSettings
  readonly #stepMs: number
  #timer: ReturnType<typeof setInterval> | undefined
  #last = 0
  #silentMs = 0
  /** Since the heartbeat was sent; null while none is. */
  #askedMs: number | null = null
  #index = -1
  #pending = 0
  #frameMs = 0

  constructor(watched: Watched, settings: ConnectionSettings) {
    this.#watched = watched
    this.#settings = settings
    const { frameTimeoutMs, idleTimeoutMs, beatAfterMs, deadAfterMs } = settings
    this.#stepMs = Math.min(frameTimeoutMs, idleTimeoutMs, beatAfterMs, deadAfterMs) / STEPS
  }

  start(): void {
    if (this.#stepMs > LONGEST_TIMER_MS) return
    this.#last = performance.now()
    this.#timer = setInterval(() => this.#step(), this.#stepMs)
    ;(this.#timer as { unref?(): void }).unref?.() // In Node: no process lives on for it.
  }

  heard(): void {
    this.#silentMs = 0
    this.#askedMs = null
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #step(): void {
    const now = performance.now()
    const passed = Math.min(now - this.#last, 2 * this.#stepMs)
    this.#last = now
    this.#silentMs += passed
    this.#watchFrame(passed)
    const { idleTimeoutMs, beatAfterMs, deadAfterMs, beat } = this.#settings
    if (this.#silentMs >= idleTimeoutMs)
      this.#miss('ERR_QBP_IDLE_TIMEOUT', `No byte came for ${idleTimeoutMs} ms, which is idleTimeoutMs.`, idleTimeoutMs)
    else if (this.#askedMs !== null) {
      this.#askedMs += passed
      if (this.#askedMs < deadAfterMs) return
      const text = `The peer did not answer the heartbeat within ${deadAfterMs} ms, which is its timeoutMs.`
      this.#miss('ERR_QBP_HEARTBEAT_TIMEOUT', text, deadAfterMs)
    } else if (beat !== null && this.#silentMs >= beatAfterMs) {
      this.#askedMs = 0
      this.#watched.beat(beat)
    }
  }

  #watchFrame(passed: number): void {
    const { waiting, frames } = this.#watched
    const { frameTimeoutMs } = this.#settings
    if (frames.pending === 0 || frames.index !== this.#index) {
      this.#index = frames.index
      this.#pending = frames.pending
      this.#frameMs = 0
    } else if (waiting) this.#frameMs += passed
    if (this.#frameMs < frameTimeoutMs) return
    const came = frames.pending - this.#pending
    this.#pending = frames.pending
    this.#frameMs = 0
    if (came >= (MIN_BYTES_PER_SECOND * frameTimeoutMs) / 1_000) return
    const text = `Frame ${frames.index} is not whole; ${frames.pending} bytes of it came, and ${came} of them in the last ${frameTimeoutMs} ms, which is frameTimeoutMs.`
    this.#miss('ERR_QBP_FRAME_TIMEOUT', text, frameTimeoutMs)
  }

  #miss(
    code: 'ERR_QBP_IDLE_TIMEOUT' | 'ERR_QBP_HEARTBEAT_TIMEOUT' | 'ERR_QBP_FRAME_TIMEOUT',
    text: string,
    limit: number,
  ): void {
    this.stop()
    this.#watched.missed(new QbpError(code, text, { limit }))
  }
}
