/** What a carrier reports to: the connection. */
export interface CarrierUser {
  /** Bytes have come. @returns false if no more are wanted until `resume`, where the carrier can hold them. */
  chunk(bytes: Uint8Array): boolean
  /** The peer sends nothing more. */
  ended(): void
  /** What was sent has left, or some of it. */
  drained(): void
  /** Nothing passes any more: null after a clean end. */
  shut(fault: Error | null): void
}

/** What carries a connection's bytes: a WebSocket, or a pair of web streams. */
export interface Carrier {
  start(user: CarrierUser): void
  send(bytes: Uint8Array): void
  /** Bytes sent that have not left. */
  readonly waiting: number
  /** Of those, the bytes that have not begun to leave: a connection that is aborted now never sends them. */
  readonly held: number
  /** Ends this side after what was sent. */
  end(): void
  /** Ends all at once. */
  abort(reason: Error): void
  /** More bytes are wanted again. */
  resume(): void
}
