import type { ObservedEvent } from '../../window/observed.ts'

/**
 * What a tap saw, for the terminal, a recording and the window alike. Every event is about one direction of one
 * connection, and in each direction they come in this order: `open`, then `frame` and `fault`, then one `close`.
 */
export interface TapEvent extends ObservedEvent {
  /** The message's name; null where no table lists the type. */
  name?: string | null
  type?: number | string
  /** Of the body, in bytes, and where it begins in the frame. */
  length?: number
  bodyStart?: number
  /** The message as a reader would hand it out. */
  message?: object
}

/** Bytes as they were passed on, in one piece: what a recording holds. */
export interface TapBytes {
  at: number
  connection: number
  direction: 'client' | 'server'
  /** Valid during the event: copy what is kept. */
  bytes: Uint8Array
}
