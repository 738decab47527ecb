import type { Io } from '../command/verb.ts'

const INTERVAL_MS = 500

/** Shows on a terminal's stderr, twice a second and on one line, how far long work is. Elsewhere, and where the cursor cannot be moved, it prints nothing. */
export class Progress {
  readonly #io: Io
  readonly #text: () => string
  readonly #timer: NodeJS.Timeout | undefined
  #shown = false

  constructor(io: Io, text: () => string) {
    this.#io = io
    this.#text = text
    if (io.stderr.isTTY !== true || io.env.TERM === 'dumb') return
    this.#timer = setInterval(() => {
      this.#shown = true
      // A line that wraps could not be taken away again.
      const text = this.#text().slice(0, (io.stderr.columns ?? 80) - 1)
      this.#io.stderr.write(`\r\x1b[K${text}`)
    }, INTERVAL_MS)
    this.#timer.unref()
  }

  /** Takes the line away. */
  stop(): void {
    clearInterval(this.#timer)
    if (this.#shown) this.#io.stderr.write('\r\x1b[K')
  }
}

/** `1.2 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length)
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`
}
