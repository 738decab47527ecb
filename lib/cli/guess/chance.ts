// What bytes cost that nothing is known of: a header that does not save much against this is there by chance.

const TOTAL = 256

/** Learns which bytes follow which, and what the next one costs by that. */
export class ByteModel {
  readonly #mask: number
  readonly #contexts: (Uint32Array | undefined)[] = []

  /** `mask`: the bits of the byte before that count; 0 for none. */
  constructor(mask: number) {
    this.#mask = mask
  }

  bits(bytes: Uint8Array, start: number, end: number): number {
    let bits = 0
    let before = 0
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number
      const context = before & this.#mask
      let seen = this.#contexts[context]
      if (seen === undefined) {
        seen = new Uint32Array(TOTAL + 1)
        this.#contexts[context] = seen
      }
      const [count, total] = [seen[byte] as number, seen[TOTAL] as number]
      // What is unseen has the weight of half a seen byte, shared by all that are unseen.
      bits += count > 0 ? -Math.log2(count / (total + 0.5)) : 8 + Math.log2((total + 0.5) / 0.5)
      seen[byte] = count + 1
      seen[TOTAL] = total + 1
      before = byte
    }
    return bits
  }
}

/** The bits of bytes by themselves: as they are, or by how often each comes, or by which follow which; whichever takes least. */
export function plainBits(streams: readonly Uint8Array[]): number {
  const all = (cost: (bytes: Uint8Array) => number) => streams.reduce((sum, bytes) => sum + cost(bytes), 0)
  const modelled = [0, 255].map((mask) => {
    const model = new ByteModel(mask)
    return all((bytes) => model.bits(bytes, 0, bytes.length))
  })
  return Math.min(
    all(({ length }) => 8 * length),
    ...modelled,
  )
}
