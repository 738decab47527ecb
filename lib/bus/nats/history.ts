import type { NatsLink, Patience } from './link.ts'
import type { LogStream, Page } from './log-stream.ts'
import type { Stored } from './stored.ts'

/** How many pages a node reads at a time: each is up to 1 MiB on its way, and what is published must get through beside them. */
const CONCURRENT = 4
/** How long a page is kept for others who come back as well, and how much is kept in all. */
const KEPT_MS = 2_000
const KEPT_BYTES = 32 * 2 ** 20

interface Kept extends Page {
  readonly from: number
  /** The sequence number of the last message. */
  readonly to: number
}

/** What stands in logs, read page by page for whoever has missed it. Those who stand at one place share what is read. */
export class History {
  readonly #link: NatsLink
  readonly #stream: LogStream
  readonly #kept = new Map<string, Kept[]>()
  readonly #reading = new Map<string, Map<number, Promise<Page>>>()
  readonly #waiting: (() => void)[] = []
  #running = 0
  #bytes = 0

  constructor(link: NatsLink, stream: LogStream) {
    this.#link = link
    this.#stream = stream
  }

  /** What a channel has at a sequence number and after it; a page without messages is the end. */
  async from(token: string, seq: number, patience: Patience): Promise<Page> {
    const kept = this.#find(token, seq)
    if (kept) return kept
    const reading = this.#reading.get(token)
    const same = reading?.get(seq)
    if (same) return same
    // Somebody reads from before: the page may reach so far.
    const earlier = [...(reading?.keys() ?? [])].filter((from) => from < seq)
    if (earlier.length > 0) {
      await reading?.get(Math.max(...earlier))?.catch(() => {})
      const found = this.#find(token, seq) ?? this.#reading.get(token)?.get(seq)
      if (found) return found
    }
    return this.#read(token, seq, patience)
  }

  /** What was read from an earlier connection is no evidence any more. */
  clear(): void {
    this.#kept.clear()
    this.#bytes = 0
  }

  async #read(token: string, seq: number, patience: Patience): Promise<Page> {
    const reading = this.#reading.get(token) ?? new Map<number, Promise<Page>>()
    this.#reading.set(token, reading)
    const page = this.#turn(() =>
      this.#link.retry('what was missed', (timeoutMs) => this.#stream.page(token, seq, timeoutMs), {
        deadline: patience.deadline, // not the signal of one among those who share it
      }),
    )
    reading.set(seq, page)
    try {
      const read = await page
      this.#keep(token, seq, read)
      return read
    } finally {
      reading.delete(seq)
      if (reading.size === 0) this.#reading.delete(token)
    }
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= CONCURRENT) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }

  #keep(token: string, from: number, page: Page): void {
    const last = page.messages.at(-1)
    if (last === undefined || this.#bytes + page.bytes > KEPT_BYTES) return
    const kept: Kept = { ...page, from, to: last.seq }
    this.#kept.set(token, [...(this.#kept.get(token) ?? []), kept])
    this.#bytes += page.bytes
    const timer = setTimeout(() => {
      const left = this.#kept.get(token)?.filter((other) => other !== kept)
      if (left === undefined || !this.#kept.get(token)?.includes(kept)) return
      this.#bytes -= page.bytes
      if (left.length > 0) this.#kept.set(token, left)
      else this.#kept.delete(token)
    }, KEPT_MS)
    timer.unref()
  }

  #find(token: string, seq: number): Page | undefined {
    const page = this.#kept.get(token)?.find(({ from, to }) => from <= seq && seq < to)
    if (page === undefined) return undefined
    if (page.from === seq) return page
    const start = firstAfter(page.messages, seq)
    const before = page.messages[start - 1]
    const anchor = before?.seq === seq ? before : undefined
    return { anchor, messages: page.messages.slice(start), bytes: 0 }
  }
}

/** The index of the first message after a sequence number. */
function firstAfter(messages: readonly Stored[], seq: number): number {
  let [low, high] = [0, messages.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((messages[middle] as Stored).seq <= seq) low = middle + 1
    else high = middle
  }
  return low
}
