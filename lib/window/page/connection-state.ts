import type { Totals } from '../messages.ts'

const RATE_MS = 2_000

/** What passed in a moment, for rates. */
interface Sample {
  readonly at: number
  readonly frames: number
  readonly bytes: number
}

/** A connection with its sums and how they grew of late. */
export class ConnectionState {
  sums: Totals
  #samples: Sample[] = []

  constructor(sums: Totals) {
    this.sums = sums
  }

  update(sums: Totals): void {
    this.sums = sums
    const { client, server } = sums
    const frames = (client?.frames ?? 0) + (server?.frames ?? 0)
    const bytes = (client?.bytes ?? 0) + (server?.bytes ?? 0)
    this.#samples.push({ at: performance.now(), frames, bytes })
    if (this.#samples.length > 64) this.#samples.splice(0, 32)
  }

  get total(): { frames: number; bytes: number } {
    return this.#samples.at(-1) ?? { frames: 0, bytes: 0 }
  }

  /** Frames and bytes a second, over the last two. */
  rate(now: number): { frames: number; bytes: number } {
    const newest = this.#samples.at(-1)
    const base = this.#samples.findLast(({ at }) => at < now - RATE_MS) ?? this.#samples[0]
    if (newest === undefined || base === undefined || newest.at < now - RATE_MS) return { frames: 0, bytes: 0 }
    const seconds = RATE_MS / 1000
    return { frames: (newest.frames - base.frames) / seconds, bytes: (newest.bytes - base.bytes) / seconds }
  }
}
