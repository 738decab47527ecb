import type { Subscription } from '../bus/contract.ts'

/** One subscription that is there while somebody wants it. */
export class SharedSubscription {
  readonly #subscribe: (isOpen: () => boolean) => Promise<Subscription>
  #open: Promise<Subscription> | undefined

  /** @param subscribe gets a function that answers whether this subscription is still the one that is wanted. */
  constructor(subscribe: (isOpen: () => boolean) => Promise<Subscription>) {
    this.#subscribe = subscribe
  }

  open(): Promise<Subscription> {
    if (this.#open !== undefined) return this.#open
    const open = this.#subscribe(() => this.#open === open)
    this.#open = open
    open.catch(() => {
      if (this.#open === open) this.#open = undefined
    })
    return open
  }

  close(): void {
    const open = this.#open
    this.#open = undefined
    open?.then(
      (subscription) => subscription.close(),
      () => {},
    )
  }
}
