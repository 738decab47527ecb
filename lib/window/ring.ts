/**
 * The newest of what came, bounded twice: by count and by bytes. Every item has a number, counted from 0, that it keeps;
 * the oldest give way. One item is always kept, whatever its size.
 */
export class Ring<T> {
  /** The number of the oldest item that is still here: so many have given way. */
  first = 0
  /** The number that the next item will have. */
  end = 0
  /** Bytes of all that is here. */
  bytes = 0
  readonly maxItems: number
  readonly maxBytes: number
  readonly #sizeOf: (item: T) => number
  readonly #slots: (T | undefined)[] = []

  constructor(maxItems: number, maxBytes: number, sizeOf: (item: T) => number) {
    this.maxItems = maxItems
    this.maxBytes = maxBytes
    this.#sizeOf = sizeOf
  }

  get size(): number {
    return this.end - this.first
  }

  push(item: T): void {
    this.bytes += this.#sizeOf(item)
    while (this.size >= this.maxItems || (this.size > 0 && this.bytes > this.maxBytes)) this.#dropOldest()
    this.#slots[this.end % this.maxItems] = item
    this.end++
  }

  /** The item of that number, or undefined if it has given way or has not come. */
  get(number: number): T | undefined {
    return number >= this.first && number < this.end ? this.#slots[number % this.maxItems] : undefined
  }

  /** Lets go of everything. Numbers go on. */
  clear(): void {
    while (this.size > 0) this.#dropOldest()
  }

  /** What is here now, under the same numbers; what comes later does not show in it. The items are shared. */
  snapshot(): Ring<T> {
    const copy = new Ring<T>(this.maxItems, this.maxBytes, this.#sizeOf)
    Object.assign(copy, { first: this.first, end: this.end, bytes: this.bytes })
    copy.#slots.push(...this.#slots)
    return copy
  }

  #dropOldest(): void {
    const slot = this.first % this.maxItems
    this.bytes -= this.#sizeOf(this.#slots[slot] as T)
    this.#slots[slot] = undefined
    this.first++
  }
}
