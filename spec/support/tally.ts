/** Counts what became of numbered frames. */
export class Tally {
  readonly #sent = new Set<number>()
  readonly #delivered = new Set<number>()
  #last = 0
  refused = 0
  duplicated = 0
  reordered = 0
  /** Delivered, but never acknowledged to its sender: allowed, since its acknowledgement may be what got lost. */
  get unacknowledged(): number {
    return [...this.#delivered].filter((n) => !this.#sent.has(n)).length
  }

  get sent(): number {
    return this.#sent.size
  }

  get delivered(): number {
    return this.#delivered.size
  }

  get lost(): number {
    return [...this.#sent].filter((n) => !this.#delivered.has(n)).length
  }

  acknowledge(n: number): void {
    this.#sent.add(n)
  }

  deliver(n: number): void {
    if (this.#delivered.has(n)) this.duplicated++
    else if (n < this.#last) this.reordered++
    this.#delivered.add(n)
    this.#last = Math.max(n, this.#last)
  }

  has(n: number): boolean {
    return this.#delivered.has(n)
  }

  print(what: string): void {
    const { sent, refused, delivered, lost, duplicated, reordered, unacknowledged } = this
    console.log(
      `      ${what}: sent ${sent}, refused ${refused}, delivered ${delivered}, lost ${lost}, duplicated ${duplicated}, reordered ${reordered}, unacknowledged ${unacknowledged}`,
    )
  }
}
