import type { TransformCallback } from 'node:stream'
import type { FrameParser } from '../framing/frame-parser.ts'
import type { ReaderOwner } from './ports.ts'

/**
 * Where the bytes of a reader stand: they flow; their peer has ended; we take no more, and a cut is no fault; or the byte stream
 * has failed. Chunks that came before are read all the same.
 */
export type Source = 'flowing' | 'ended' | 'concluded' | Error

/** The reader whose chunks they are, and its connection, if it has one. */
export interface Owned {
  readonly owner: ReaderOwner | null
}

/**
 * The chunks of a reader. Frames are cut from one at a time, and the next is asked for when it has given all: by its callback
 * where it came through Node, of the owner where that brought it. What the owner brings meanwhile waits its turn.
 */
export class ChunkQueue {
  readonly #reader: Owned
  #source: Source = 'flowing'
  readonly #frames: FrameParser
  /** What brought the chunk that is being read, and brings the next; null while none is being read. */
  #bringer: 'node' | 'owner' | null = null
  /** Of Node's chunk, which asks for the next; or of Node's end, which goes on to report it. */
  #callback: TransformCallback | null = null
  /** Chunks of the owner that came while another was being read. */
  #waiting: Uint8Array[] | null = null

  constructor(frames: FrameParser, reader: Owned) {
    this.#frames = frames
    this.#reader = reader
  }

  get source(): Source {
    return this.#source
  }

  /** The source does not flow any more. The first reason counts, but that we take no more makes up for an end. */
  set source(source: Source) {
    if (this.#source === 'flowing' || (this.#source === 'ended' && source === 'concluded')) this.#source = source
  }

  /** Whether a chunk is being read. */
  get isReading(): boolean {
    return this.#bringer !== null
  }

  /** Whether no chunk is left, and none will come. */
  get isDry(): boolean {
    return this.#bringer === null && this.#source !== 'flowing'
  }

  /** A chunk has come through Node. */
  feed(chunk: Uint8Array, callback: TransformCallback): void {
    this.#callback = callback
    this.#read(chunk, 'node')
  }

  /** The owner has brought a chunk. @returns whether it is its turn; else it waits. */
  arrive(chunk: Uint8Array): boolean {
    if (this.#bringer === null) {
      this.#read(chunk, 'owner')
      return true
    }
    this.#waiting ??= []
    this.#waiting.push(chunk)
    return false
  }

  /** Node has no more. */
  end(callback: TransformCallback): void {
    this.#callback = callback
    this.source = 'ended'
  }

  /** The chunk has given all: takes the next one, or asks for it. @returns whether it is there already, or none will come. */
  next(): boolean {
    const bringer = this.#bringer
    if (bringer === null) return false
    this.#bringer = null
    if (bringer === 'owner') this.#nextOfOwner()
    else this.takeCallback()?.()
    return this.#bringer !== null || this.#source !== 'flowing'
  }

  /** Gives up the chunks there are. */
  clear(): void {
    this.#bringer = this.#waiting = null
    this.takeCallback()?.()
  }

  /** Hands over Node's callback, if there is one. */
  takeCallback(): TransformCallback | null {
    const callback = this.#callback
    this.#callback = null
    return callback
  }

  #nextOfOwner(): void {
    const chunk = this.#waiting?.shift()
    if (chunk !== undefined) this.#read(chunk, 'owner')
    else if (this.#waiting !== null) {
      this.#waiting = null
      this.#reader.owner?.more()
    }
  }

  #read(chunk: Uint8Array, bringer: 'node' | 'owner'): void {
    this.#frames.feed(chunk, bringer === 'owner' && this.#reader.owner?.givesChunks === true)
    this.#bringer = bringer
  }
}
