/** A batch leaves in chunks of about so many bytes. */
const CHUNK_BYTES = 65_536

/** Whole frames that were written and not sent yet. */
export class Batch {
  #frames: Uint8Array[] = []
  /** Bytes of those. */
  length = 0

  add(frame: Uint8Array): void {
    this.#frames.push(frame)
    this.length += frame.length
  }

  /** The next chunk, or null if there is none. It is no part of the batch then. */
  take(): Uint8Array | null {
    let [size, count] = [0, 0]
    for (; count < this.#frames.length && size < CHUNK_BYTES; count++) size += this.#frames[count]?.length ?? 0
    if (count === 0) return null
    const chunk = new Uint8Array(size)
    let pos = 0
    for (const frame of this.#frames.splice(0, count)) {
      chunk.set(frame, pos)
      pos += frame.length
    }
    this.length -= size
    return chunk
  }

  clear(): void {
    this.#frames = []
    this.length = 0
  }
}
