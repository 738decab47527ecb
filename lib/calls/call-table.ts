/** Calls by their numbers. The first of those that are under way stands by itself: one at a time, they cost no turnover of a Map's tables. */
export class CallTable<C extends { readonly id: number }> {
  #first: C | null = null
  readonly #others = new Map<number, C>()

  get size(): number {
    return this.#others.size + Number(this.#first !== null)
  }

  get(id: number): C | undefined {
    return this.#first?.id === id ? this.#first : this.#others.get(id)
  }

  has(id: number): boolean {
    return this.get(id) !== undefined
  }

  add(call: C, id = call.id): void {
    if (this.#first === null && this.#others.size === 0) this.#first = call
    else this.#others.set(id, call)
  }

  delete(call: C): void {
    if (this.#first === call) this.#first = null
    else this.#others.delete(call.id)
  }

  /** In the order in which they were added. */
  *[Symbol.iterator](): Iterator<C> {
    if (this.#first !== null) yield this.#first
    yield* this.#others.values()
  }
}
