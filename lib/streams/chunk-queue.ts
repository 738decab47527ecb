import type { TransformCallback } from 'node:stream'
import type { FrameParser } from '../framing/frame-parser.ts'
import type { StreamOwner } from './ports.ts'

/** In place of a callback, of a chunk that the owner brought. */
const BROUGHT: TransformCallback = () => {}

/**
 * The chunks of a reader. Frames are cut from one at a time, and the next is asked for when it has given all: by its callback
 * where it came through Node, of the owner where that brought it. What the owner brings meanwhile waits behind it.
 */
export class ChunkQueue {
  /** Who reads is a connection's; null while it is anybody's. */
  owner: StreamOwner | null = null
  readonly #frames: FrameParser
  readonly #stream: { end(): unknown }
  /** Asks for the next chunk, or ends the stream: the callback of the chunk that is being read, or of the end. */
  #ask: TransformCallback | null = null
  #behind: Uint8Array[] | null = null
  #endsBehind = false
  /** No chunk will follow. */
  #isFinished = false

  constructor(frames: FrameParser, stream: { end(): unknown }) {
    this.#frames = frames
    this.#stream = stream
  }

  /** Whether a chunk is being read, or the end waits to be told. */
  get isHolding(): boolean {
    return this.#ask !== null
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  /** A chunk has come through Node. */
  feed(chunk: Uint8Array, ask: TransformCallback): void {
    this.#frames.feed(chunk)
    this.#ask = ask
  }

  /** No chunk follows. */
  finish(done: TransformCallback): void {
    this.#ask = done
    this.#isFinished = true
  }

  /** The owner has brought a chunk. @returns whether it is its turn; else it waits. */
  bring(chunk: Uint8Array): boolean {
    if (this.#ask === null) {
      this.feed(chunk, BROUGHT)
      return true
    }
    this.#behind ??= []
    this.#behind.push(chunk)
    return false
  }

  /** The owner has no more: the stream ends behind what waits. */
  end(): void {
    if (this.#ask !== null) this.#endsBehind = true
    else this.#stream.end()
  }

  /** Asks for the next chunk. @returns whether it, or the end, is there already. */
  next(): boolean {
    const ask = this.#isFinished ? null : this.#ask
    if (ask === null) return false
    this.#ask = null
    if (ask === BROUGHT) this.#nextBehind()
    else ask()
    return this.#ask !== null || this.#isFinished
  }

  #nextBehind(): void {
    const chunk = this.#behind?.shift()
    if (chunk !== undefined) this.feed(chunk, BROUGHT)
    else if (this.#endsBehind) this.#stream.end()
    else if (this.#behind !== null) {
      this.#behind = null
      this.owner?.more()
    }
  }

  /** Hands over what ends the stream, or asks for a chunk that nobody wants any more. */
  close(): TransformCallback | null {
    const ask = this.#ask
    this.#ask = null
    return ask
  }
}
