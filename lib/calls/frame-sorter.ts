// Where calls and pushed messages part, without a stream: the frames of calls go to the calls as they come, all others are passed on as
// bytes, for somebody to ask for.

import type { QbpError } from '../base/errors.ts'
import { alloc } from '../codec/wire.ts'
import type { CheckedHook } from '../framing/body-hook.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import { FrameParser } from '../framing/frame-parser.ts'
import type { CallFrame } from './dialect.ts'

/** What is known of the frames that come. */
export interface SorterSettings {
  readonly header: FrameHeader
  readonly maxBodyBytes: number
  readonly maxHeaderBytes?: number
  readonly body?: CheckedHook | null
}

/** Whom sorted frames go to. */
export interface SortedFrames {
  /** Whether a frame of this type is a part of a call. */
  carries(type: number | string): boolean
  /** Takes the frame of a part. @param size its bytes, header included. */
  call(frame: CallFrame, size: number): void
  /** Takes whole frames of others, `buffer[begin..end)`; before the first of them the layout's preamble, where it has one. */
  pushed(buffer: Uint8Array, begin: number, end: number): void
}

/** The frames of one byte stream, parted. */
export class FrameSorter {
  readonly frames: FrameParser
  readonly #settings: SorterSettings
  readonly #to: SortedFrames
  /** What came, until the preamble is whole: it is for the reader of pushed messages, too. Null where nothing of it is to come. */
  #first: Uint8Array[] | null

  constructor(settings: SorterSettings, to: SortedFrames) {
    const { header, maxBodyBytes, maxHeaderBytes } = settings
    this.frames = new FrameParser(header, maxBodyBytes, maxHeaderBytes)
    this.#settings = settings
    this.#to = to
    this.#first = header.preamble === null ? null : []
  }

  /** @throws {QbpError} ERR_QBP_NOT_BYTES */
  feed(chunk: Uint8Array): void {
    this.frames.feed(chunk)
    this.#first?.push(chunk)
  }

  /**
   * Goes through the whole frames that were fed.
   *
   * @param goesOn is asked before each.
   * @throws {QbpError} a fault of the framing, or of the protocol's hook for bodies; all frames before it were given away.
   */
  sort(goesOn: () => boolean): void {
    const { frames } = this
    // A run of pushed frames is passed on as it lies there.
    let { buffer } = frames
    let begin = 0
    let end = 0
    try {
      while (goesOn() && this.#next()) {
        if (this.#to.carries(frames.type)) this.#to.call(this.#unpacked(), frames.size)
        else if (frames.buffer === buffer && frames.begin === end) end = frames.frameEnd
        else {
          if (begin !== end) this.#to.pushed(buffer, begin, end)
          ;({ buffer, begin, frameEnd: end } = frames)
        }
      }
    } finally {
      if (begin !== end) this.#to.pushed(buffer, begin, end)
    }
  }

  #next(): boolean {
    const isWhole = this.frames.next()
    if (this.#first !== null && this.frames.preamble !== null) this.#passPreamble(this.#first)
    return isWhole
  }

  /** What came first, up to the first frame. */
  #passPreamble(chunks: readonly Uint8Array[]): void {
    this.#first = null
    const preamble = alloc(this.frames.offset)
    let pos = 0
    for (const chunk of chunks) {
      preamble.set(chunk.subarray(0, preamble.length - pos), pos)
      pos += Math.min(chunk.length, preamble.length - pos)
    }
    this.#to.pushed(preamble, 0, preamble.length)
  }

  /** The current frame, its body as it was before the protocol's hook packed it. */
  #unpacked(): CallFrame {
    const { frames } = this
    const { body: hook, maxBodyBytes } = this.#settings
    if (!hook) return frames
    const { type, fields, start, end } = frames
    let buffer: Uint8Array
    try {
      buffer = hook.read(frames.buffer.subarray(start, end), type, fields, maxBodyBytes)
    } catch (fault) {
      throw frames.located(fault as QbpError)
    }
    return { type, fields, buffer, start: 0, end: buffer.length }
  }
}
