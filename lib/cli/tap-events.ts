/**
 * What a {@link Tap} saw, for the terminal, a recording and the window alike. Every event is about one direction of one
 * connection, and in each direction they come in this order: `open`, then `frame` and `fault`, then one `close`.
 */
export interface TapEvent {
  /** Milliseconds since 1970, with fractions: when the bytes came in, before they were decoded. */
  at: number
  /** Counted from 1, in the order in which they were accepted. */
  connection: number
  /** Who sent it, or opened or closed it. */
  direction: 'client' | 'server'
  /**
   * - `open`: the client was accepted; the server answered. `peer` is its address.
   * - `frame`: a whole frame. `message` is there unless `error` says why it does not decode.
   * - `fault`: from here on this direction passes undecoded (a framing fault, with `bytes` as far as they had come), or the
   *   server could not be reached. What follows on the wire is still passed on, and seen by the event 'bytes' alone.
   * - `close`: this direction has ended: its half of the connection is closed. `error` is there if by a reset or a fault.
   */
  kind: 'open' | 'frame' | 'fault' | 'close'
  /** The whole frame, header and body: a copy, the receiver's to keep. */
  bytes?: Uint8Array
  /** Where it begins in the bytes of this direction. */
  offset?: number
  /** The message's name; null where no table lists the type. */
  name?: string | null
  type?: number
  /** The message as a reader would hand it out. */
  message?: object
  error?: string
  peer?: string
}

/** Bytes as they were passed on, in one piece: what a recording holds. */
export interface TapBytes {
  at: number
  connection: number
  direction: 'client' | 'server'
  /** Valid during the event: copy what is kept. */
  bytes: Uint8Array
}
