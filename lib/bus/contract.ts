import type { EventEmitter } from 'node:events'

// A bus carries frames between nodes. A *node* is one bus object, as a rule one per process. A *channel* is a name that frames
// are published to, in two ways, which do not order each other:
//
//   live      at most once, in order per publisher.
//   durable   into the channel's log. Each frame has a position there; all readers see all of them in one order.
//
// A frame is bytes and belongs to the bus once it is given: it is neither copied nor looked into, so its bytes must not change
// afterwards, and listeners, who may share it, do not write into it.

/**
 * A place in a log: that of the frame read last. Offsets of one channel rise from frame to frame, with holes between them: keep
 * positions as they come, and do not count. A log that was lost comes back under a new epoch, so that an old position is never
 * mistaken for a place in the new log; one that came back as an older copy is known by the mark.
 */
export interface Position {
  /** Letters, digits, '-' and '_'. Says which log it is; nothing but equality has a meaning. '_' in a place that came as bytes: its mark says it. */
  readonly epoch: string
  readonly offset: bigint
  /** Names what stands at the place, by which it is known again. Letters, digits, '-' and '_'. */
  readonly mark?: string | undefined
}

/** Where a reader of a log starts: after its end, at the first frame still kept, at the last n (up to 10,000), or after a position. */
export type Since = 'now' | 'first' | { readonly last: number } | Position

/** Frames that a reader of a log will never see. */
export interface Gap {
  readonly channel: string
  /** `trimmed`: the log was cut at its front meanwhile. `lost`: the log itself was; this is another one, or an older copy. */
  readonly reason: 'trimmed' | 'lost'
  /** What the reader had last. */
  readonly after: Position
  /** The place after which reading goes on: the next frame has a greater offset. */
  readonly resumed: Position
}

/**
 * A listener is called synchronously and one frame at a time; the bus never waits for what it starts. One that throws is reported as
 * `error`; the bus and the other listeners go on. The frame may be a view of a larger chunk: copy what is kept for long.
 */
export type LiveListener = (frame: Uint8Array) => void
/** As {@link LiveListener}, with each frame's position. */
export type LogListener = (frame: Uint8Array, position: Position) => void

/** For one subscription. */
export interface SubscribeOptions {
  /** Gives up on subscribing. A subscription that was made stays. */
  readonly signal?: AbortSignal | undefined
  /** Called when the subscription has ended for good and nobody closed it, such as when the engine takes a permission back. The event `error` follows. */
  readonly onEnd?: ((cause: unknown) => void) | undefined
}

/** For one subscription to a log. */
export interface LogOptions extends SubscribeOptions {
  readonly since: Since
  /** The kind of log that it is, as its publishers name it: see `logKinds` of the bus. Default: the kind without a name. */
  readonly logKind?: string | undefined
  /** Deliver this node's own publications too. A reader that replays on behalf of a client wants them. Default: false. */
  readonly echo?: boolean | undefined
  /** Called when it has reached the log's end, for the first time, with the place: what comes from now on is new. */
  readonly onCaughtUp?: ((position: Position) => void) | undefined
  /** Called between the frames before a gap and those after it. The bus's event `gap` follows. */
  readonly onGap?: ((gap: Gap) => void) | undefined
}

/** What `subscribe` resolves with. */
export interface Subscription {
  readonly channel: string
  /** Of a log, the place read up to, own publications included; resume with it. Of live frames undefined. */
  readonly position: Position | undefined
  /** No call of the listener follows. May be repeated. */
  close(): void
}

/** For one publication. */
export interface PublishOptions {
  /** Into the log, and resolve once the engine has stored it. Default: false. */
  readonly durable?: boolean | undefined
  /** Of a durable publication, the kind of log that it goes into: see `logKinds` of the bus. Default: the kind without a name. */
  readonly logKind?: string | undefined
  /** Gives up on a durable publication. Whether it had reached the log is then unknown. */
  readonly signal?: AbortSignal | undefined
}

/** A key is a list of names: parts given by users cannot reach out of their place. */
export type Key = readonly string[]

/** What a key holds. */
export interface Entry {
  readonly key: Key
  readonly value: Uint8Array
  /** Which write this was: the fence for the next one. */
  readonly revision: Position
}

/** A change that a watch reports. */
export interface Change {
  readonly key: Key
  /** null where the key was deleted or has expired. */
  readonly value: Uint8Array | null
  /** Of the entry that is there, or that has gone. */
  readonly revision: Position
}

/** For one write of a key. */
export interface PutOptions {
  /** Write only if the key holds this very revision; null: only if it holds nothing. Compared by the engine, atomically. */
  readonly revision?: Position | null | undefined
  /** The entry's life from this write on, 1 up to the bus's `maxTtlMs`. Default: `maxTtlMs`. */
  readonly ttlMs?: number | undefined
}

/**
 * A small key-value store, shared by all nodes. It is for leases: every entry ends, at the latest `maxTtlMs` (24 hours unless the
 * bus has another `maxTtlMs`) after it was last written.
 *
 * While the engine is away each call rejects with ERR_QBP_BUS_DOWN. One that was on its way when the engine went is retried when
 * the engine returns, and takes effect once at most; ERR_QBP_BUS_TIMEOUT means that its outcome is unknown.
 */
export interface Store {
  /** The longest life of an entry, in ms. */
  readonly maxTtlMs: number
  /** What the key holds; undefined where that is nothing or has expired. Sees every write that was acknowledged before. */
  get(key: Key): Promise<Entry | undefined>
  /**
   * @returns the new revision.
   * @throws {QbpError} ERR_QBP_STALE_REVISION if the key does not hold `revision`; nothing was written then. An entry that has
   * expired counts as nothing.
   */
  put(key: Key, value: Uint8Array, options?: PutOptions): Promise<Position>
  /**
   * Deleting what is not there is no fault, unless a revision was asked for.
   *
   * @throws {QbpError} ERR_QBP_STALE_REVISION if the key does not hold `revision`.
   */
  delete(key: Key, options?: { readonly revision?: Position | undefined }): Promise<void>
  /**
   * Reports what the keys below `prefix` hold now, then each change to them. Resolves once all that was there has been reported.
   * Of writes in quick succession, and of those made while the engine was away, only the last one is reported. An expiry is
   * reported by this node's own clock, set to the engine's at each connection.
   */
  watch(prefix: Key, listener: (change: Change) => void, options?: SubscribeOptions): Promise<Watch>
}

/** What `watch` resolves with. */
export interface Watch {
  /** No call of the listener follows. May be repeated. */
  close(): void
}

/** Events of a bus. Without an `error` listener such errors become process warnings. */
export interface BusEvents {
  /** The engine is back. Live frames published by others since `down` are lost; logs and watches catch up by themselves. */
  up: []
  /** The engine is away. */
  down: []
  /** A log subscription missed frames; its own `onGap` was called first. */
  gap: [gap: Gap]
  /** A frame that another node, or this one, sent to this node. */
  frame: [frame: Uint8Array]
  /** A listener threw; or the engine refuses a subscription that it had taken, which has ended (ERR_QBP_BUS_REFUSED). */
  error: [error: unknown]
}

/** One node's end of a bus. Made by `localBus()` or `natsBus()`. */
export interface Bus extends EventEmitter<BusEvents>, AsyncDisposable {
  /** This node's name, unique on the bus. */
  readonly node: string
  /** Whether the engine is there, as far as this node knows. */
  readonly isUp: boolean
  /** The longest frame and the longest value, in bytes. */
  readonly maxFrameBytes: number
  readonly store: Store

  /**
   * Publishes live. The frame goes to every other node's subscribers, at most once; never to this node's own.
   * Resolves when the frame is on its way. Frames of one publisher to one channel are delivered in the order of these calls.
   *
   * @throws {QbpError} ERR_QBP_BUS_DOWN while the engine is away, ERR_QBP_BUS_CLOSED, ERR_QBP_TOO_LONG over `maxFrameBytes`,
   * ERR_QBP_BAD_NAME.
   */
  publish(
    channel: string,
    frame: Uint8Array,
    options?: PublishOptions & { readonly durable?: false },
  ): Promise<undefined>
  /**
   * Publishes to a channel's log. Resolves to its position once it is stored: what is acknowledged is there once, exactly.
   * It is retried while the engine is away, for `timeoutMs` in all. Publications of this node to one channel enter its log in
   * the order of these calls, one at a time.
   *
   * @throws {QbpError} ERR_QBP_BUS_TIMEOUT when time ran out, ERR_QBP_BUS_CLOSED when the bus was closed (with either it is unknown whether
   * the frame is in the log), ERR_QBP_BUS_REFUSED when the engine will not take it, ERR_QBP_QUEUE_FULL over `maxQueuedBytes`, ERR_QBP_TOO_LONG, ERR_QBP_BAD_NAME; the
   * signal's reason when aborted.
   */
  publish(channel: string, frame: Uint8Array, options: PublishOptions & { readonly durable: true }): Promise<Position>
  /** As one of the two above, whichever `options.durable` says. */
  publish(channel: string, frame: Uint8Array, options?: PublishOptions): Promise<Position | undefined>

  /**
   * Listens to what is published live. What is published after this resolves is heard. The subscription outlasts the engine's
   * absence. Every call makes a subscription of its own: share one per channel and node.
   *
   * @throws {QbpError} ERR_QBP_BUS_DOWN while the engine is away, ERR_QBP_BUS_CLOSED, ERR_QBP_BAD_NAME.
   */
  subscribe(channel: string, listener: LiveListener, options?: SubscribeOptions): Promise<Subscription>
  /**
   * Reads a channel's log since a position: in order, each frame once, through the engine's absences and restarts. What cannot
   * be had any more is reported as a {@link Gap}. The listener may be called before this resolves.
   *
   * @throws {QbpError} as above, and ERR_QBP_BAD_OPTION for a malformed position, ERR_QBP_BUS_TIMEOUT, ERR_QBP_BUS_REFUSED.
   */
  subscribe(channel: string, listener: LogListener, options: LogOptions): Promise<Subscription>

  /**
   * Sends to one node, at most once, in order per sender. Resolves when that node's `frame` listeners have been called.
   *
   * @throws {QbpError} ERR_QBP_NO_NODE if no such node is on the bus, ERR_QBP_BUS_DOWN while the engine is away or if it went before
   * the node had answered, ERR_QBP_BUS_TIMEOUT, ERR_QBP_BUS_CLOSED, ERR_QBP_TOO_LONG, ERR_QBP_BAD_NAME.
   */
  send(node: string, frame: Uint8Array): Promise<void>

  /** Leaves: subscriptions end, what is under way rejects with ERR_QBP_BUS_CLOSED. Always resolves; may be repeated. */
  close(): Promise<void>
}
