// A call travels in parts: the frames that are of it. What a part says is the same in every dialect.

import type { Type } from '../codec/type.ts'
import type { CallDetail, Metadata } from './call-error.ts'

/** What a part says of its call: see schemas/qbp/calls.proto. */
export const LAST = 0
export const MORE = 1
export const CANCEL = 2
export const CREDIT = 3
export type Step = typeof LAST | typeof MORE | typeof CANCEL | typeof CREDIT

const NO_DETAILS: readonly CallDetail[] = []
const NOTHING = new Uint8Array(0)

/** A part to be sent. What it does not say is left as it is here. */
export class Part {
  /** Whose: the caller says Calls, the callee Replies. */
  readonly isReply: boolean
  readonly id: number
  readonly step: Step
  /** The type of the message that it carries, or null for none. */
  readonly type: Type | null
  readonly message: object | null
  /** Of the part that begins a call: its method's path. Empty in all others, and in every reply. */
  method = ''
  /** Of the same part: whether answers are a stream. */
  isAnsweredByStream = false
  timeoutMs = 0
  credit = 0
  metadata: Metadata | null = null
  /** Of the part that ends a call: 0 if it went well. */
  code = 0
  text = ''
  details: readonly CallDetail[] = NO_DETAILS
  /** Set when it is written: the bytes of that message's body. */
  bodyBytes = 0

  constructor(isReply: boolean, id: number, step: Step, type: Type | null = null, message: object | null = null) {
    this.isReply = isReply
    this.id = id
    this.step = step
    this.type = type
    this.message = message
  }

  /** That the other side may send so much more. */
  static credit(isReply: boolean, id: number, credit: number): Part {
    const part = new Part(isReply, id, CREDIT)
    part.credit = credit
    return part
  }

  /** The end of a call that failed. */
  static failure(id: number, code: number, text: string): Part {
    const part = new Part(true, id, LAST)
    part.code = code
    part.text = text
    return part
  }
}

/** A part as it came. There is one of it for a connection: it holds until the next is read. */
export class ReceivedPart {
  isReply = false
  id = 0
  step: Step = LAST
  /** With MORE: nothing follows all the same. */
  closes = false
  method = ''
  timeoutMs = 0
  credit = 0
  metadata: Metadata | null = null
  metadataBytes = 0
  code = 0
  text = ''
  details: CallDetail[] | null = null
  /** Its message's body: `buffer[start..end)`. */
  buffer: Uint8Array = NOTHING
  start = 0
  end = 0

  clear(): void {
    this.id = this.timeoutMs = this.credit = this.metadataBytes = this.code = this.start = this.end = 0
    this.step = LAST
    this.closes = false
    this.method = this.text = ''
    this.metadata = this.details = null
    this.buffer = NOTHING
  }
}
