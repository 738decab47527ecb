/** How many are remembered: those that may still be on their way a second time, since a publisher had no answer, are among the last. */
const MOST = 1_024

/**
 * What a bus has delivered lately: IDs, and their numbers in the stream. A stream of several replicas may take back what it has
 * said, where servers are killed one after the other: its last messages are gone then, other ones take their numbers, and what its
 * publisher sends once more stands further on. The numbers fit together all the same. What shows it is an ID that comes a second time.
 */
export class Delivered {
  readonly #seqs = new Map<string, number>()

  /** Notes what is delivered. @returns whether it was delivered before, by another number. */
  note(id: string, seq: number): boolean {
    if (id === '') return false // Nobody's of ours: it was put there by hand.
    const seqs = this.#seqs
    const before = seqs.get(id)
    if (before !== undefined) return before !== seq
    seqs.set(id, seq)
    if (seqs.size > MOST) seqs.delete(seqs.keys().next().value as string)
    return false
  }

  clear(): void {
    this.#seqs.clear()
  }
}
