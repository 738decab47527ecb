// The options of readers and writers, and the same checked: once, in a constructor. A server checks them once for all of its
// connections, which share what was checked.

import { QbpError } from '../base/errors.ts'
import { byteLimit, countLimit, flag, type OptionNames, oneOf } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { CheckedHook } from '../framing/body-hook.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import { MAX_HEADER_BYTES } from '../framing/frame-parser.ts'
import type { MessageReaderSettings, Policy } from '../framing/message-reader.ts'
import { MessageWriter } from '../framing/message-writer.ts'
import { resyncFrom } from '../framing/resync.ts'
import type { Table } from '../framing/table.ts'
import type { OutgoingPreamble } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'

/** A reader's options; all of them are checked once, when it is made. */
export interface ReadableOptions<R extends Role = Role> {
  /** Which end this is: the reader hands out what the other role sends. Needed only where the roles send different messages. */
  role?: R | undefined
  /**
   * The longest body that is taken, in bytes; a longer one is refused on its header alone. A message takes up to 30 times its
   * body's bytes in memory. Default: 1 MiB. Infinity: no limit.
   */
  maxBodyBytes?: number | undefined
  /** The most bytes of a header's sections and bytes of its own, in layouts that have some. Default: 64 KiB. Infinity: no limit. */
  maxHeaderBytes?: number | undefined
  /** Let `bytes` fields be views of the received chunk, which they then keep alive, instead of copies. Default: false. */
  shareBytes?: boolean | undefined
  /** How many decoded messages may wait for a slow `data`, `readable` or `pipe` consumer. Default: 16. */
  readableHighWaterMark?: number | undefined
  /**
   * Frames without a body that may come in a row within a second: they cost their sender a header and the handler a call.
   * Default: 100,000, which is a tenth of what a process can read.
   */
  maxConsecutiveEmptyFrames?: number | undefined
  /**
   * Frames that a policy `skip` may drop in a row within a second; nobody else would ever hear of them. Default: 1,000, more
   * than a newer peer has reason to send.
   */
  maxConsecutiveSkippedFrames?: number | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: options that name no protocol are for any.
export type PreambleFor<P, R extends Role> = 0 extends 1 & P ? any : OutgoingPreamble<P, R>

/** A writer's options; all of them are checked once, when it is made. */
export interface WritableOptions<R extends Role = Role, P = Protocol> {
  /** Which end this is: the writer takes what this role sends. Needed only where the roles send different messages. */
  role?: R | undefined
  /** The longest body that is written, in bytes. Default: 1 MiB. Infinity: no limit. */
  maxBodyBytes?: number | undefined
  /** The most bytes of a header's sections and bytes of its own that are written. Default: 64 KiB. Infinity: no limit. */
  maxHeaderBytes?: number | undefined
  /** What is sent before the first frame, where the layout has something there: its fields, as in `$header`. */
  preamble?: PreambleFor<P, R> | undefined
  /**
   * What leaves as a chunk: `tick`, the messages written in one tick, up to 64 KiB; or `message`, each by itself, the next once the
   * operating system has it: for peers that take a chunk, or a TLS record, for a message. Default: 'tick'.
   */
  chunk?: 'tick' | 'message' | undefined
  /**
   * Write long `bytes` (16 KiB or more) without a copy, in layouts of nothing but integers before the body: they must not change, nor be
   * given away, until the callback of their `write()` is called. Default: false: what is written is the caller's again at once.
   */
  shareBytes?: boolean | undefined
  /** Encoded bytes that may wait before `write()` returns false. Default: 64 KiB. */
  highWaterMarkBytes?: number | undefined
  /**
   * Encoded bytes that may wait at all, for a peer that does not read; an empty queue takes one message of any size. Default:
   * 16 MiB, or twice maxBodyBytes where that is more.
   */
  maxQueuedBytes?: number | undefined
  /**
   * What a message beyond maxQueuedBytes does. `destroy`: the writer is destroyed with ERR_QBP_QUEUE_FULL, and its connection
   * with it; `write()` returns false and nothing is thrown, so that no peer can make the process throw. `throw`: the message
   * is refused with that error, by `write()` and `writeMessage()`, and the stream goes on. Default: 'destroy' for a
   * connection; 'throw' for a QbpWritable by itself, which has no connection to destroy.
   */
  slow?: 'destroy' | 'throw' | undefined
}

export const READABLE_OPTIONS: OptionNames<ReadableOptions> = {
  role: true,
  maxBodyBytes: true,
  maxHeaderBytes: true,
  shareBytes: true,
  readableHighWaterMark: true,
  maxConsecutiveEmptyFrames: true,
  maxConsecutiveSkippedFrames: true,
}

export const WRITABLE_OPTIONS: OptionNames<WritableOptions> = {
  role: true,
  maxBodyBytes: true,
  maxHeaderBytes: true,
  preamble: true,
  chunk: true,
  shareBytes: true,
  highWaterMarkBytes: true,
  maxQueuedBytes: true,
  slow: true,
}

const MAX_BODY_BYTES = 2 ** 20

/** A reader's options, checked. */
export class ReaderSettings implements MessageReaderSettings {
  readonly header: FrameHeader
  readonly body: CheckedHook | null
  readonly resync: NonNullable<MessageReaderSettings['resync']> | null
  readonly unknown: Policy
  readonly invalid: Policy
  readonly table: Table
  readonly maxBodyBytes: number
  readonly maxHeaderBytes: number
  readonly shareBytes: boolean
  readonly readableHighWaterMark: number
  readonly maxConsecutiveEmptyFrames: number
  readonly maxConsecutiveSkippedFrames: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: Protocol, options: ReadableOptions) {
    const { role, readableHighWaterMark = 16 } = options
    if (!Number.isSafeInteger(readableHighWaterMark) || readableHighWaterMark < 0) {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `readableHighWaterMark is ${String(readableHighWaterMark)}; it may be an integer of messages from 0.`,
      )
    }
    const count = (name: 'maxConsecutiveEmptyFrames' | 'maxConsecutiveSkippedFrames', initial: number) =>
      countLimit(name, options[name], initial)
    this.header = protocol.headers[protocol.sender(role, 'incoming')]
    this.body = protocol.body
    this.resync = protocol.resync ? resyncFrom : null
    this.unknown = protocol.unknown
    this.invalid = protocol.invalid
    this.table = protocol.table(role, 'incoming')
    this.maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, MAX_BODY_BYTES)
    this.shareBytes = flag('shareBytes', options.shareBytes, false)
    this.maxHeaderBytes = byteLimit('maxHeaderBytes', options.maxHeaderBytes, MAX_HEADER_BYTES)
    this.readableHighWaterMark = readableHighWaterMark
    this.maxConsecutiveEmptyFrames = count('maxConsecutiveEmptyFrames', 100_000)
    this.maxConsecutiveSkippedFrames = count('maxConsecutiveSkippedFrames', 1_000)
  }
}

/** A writer's options, checked. */
export class WriterSettings {
  readonly framer: MessageWriter
  /** What is sent before the first frame, or null. */
  readonly preamble: Uint8Array | null
  readonly chunk: 'tick' | 'message'
  readonly shareBytes: boolean
  readonly highWaterMarkBytes: number
  readonly maxQueuedBytes: number
  readonly slow: 'destroy' | 'throw'

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: Protocol, options: WritableOptions) {
    const maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, MAX_BODY_BYTES)
    const maxHeaderBytes = byteLimit('maxHeaderBytes', options.maxHeaderBytes, MAX_HEADER_BYTES)
    const sender = protocol.sender(options.role, 'outgoing')
    const { headers, sent, body } = protocol
    this.framer = new MessageWriter(headers[sender], sent[sender], maxBodyBytes, { maxHeaderBytes, body })
    this.preamble = this.framer.hasPreamble ? this.framer.preamble(options.preamble ?? null) : null
    if (this.preamble === null && options.preamble !== undefined) {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `preamble is for layouts with a bar; '${headers[sender].text}' has none.`,
        {
          option: 'preamble',
        },
      )
    }
    this.chunk = oneOf('chunk', options.chunk, 'tick', ['tick', 'message'])
    this.shareBytes = flag('shareBytes', options.shareBytes, false) && this.framer.isPlain
    this.highWaterMarkBytes = byteLimit('highWaterMarkBytes', options.highWaterMarkBytes, 65_536)
    this.maxQueuedBytes = byteLimit('maxQueuedBytes', options.maxQueuedBytes, Math.max(2 ** 24, 2 * maxBodyBytes))
    this.slow = oneOf('slow', options.slow, 'throw', ['destroy', 'throw'])
  }
}
