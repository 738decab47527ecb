/** Things by names of their user's own: each has one name at most, and a name is of one thing, the last that took it. */
export class Names<T extends object> {
  readonly #byName = new Map<unknown, T>()
  readonly #names = new Map<T, unknown>()

  get(name: unknown): T | undefined {
    return this.#byName.get(name)
  }

  /** Names a thing. @returns the other that had the name until now. */
  take(name: unknown, thing: T): T | undefined {
    const before = this.#byName.get(name)
    if (before === thing) return undefined
    this.drop(thing)
    if (before !== undefined) this.#names.delete(before)
    this.#byName.set(name, thing)
    this.#names.set(thing, name)
    return before
  }

  /** A thing has no name any more. */
  drop(thing: T): void {
    if (!this.#names.has(thing)) return
    this.#byName.delete(this.#names.get(thing))
    this.#names.delete(thing)
  }
}
