import { QbpError } from '../base/errors.ts'
import { byteLimit, countLimit, milliseconds, type OptionNames } from '../base/options.ts'

/** What calls may cost; all of it is checked once, when the connection is made. */
export interface CallOptions {
  /** Calls of the peer that may be under way on one connection; another is answered with RESOURCE_EXHAUSTED. Default: 1,000. */
  maxCalls?: number | undefined
  /** The metadata of one call, in bytes, its own and the peer's. Default: 8 KiB, as HTTP servers have it for headers. */
  maxMetadataBytes?: number | undefined
  /**
   * What may wait of one stream of one call, in bytes of its bodies and 64 for each, until somebody asks for it: the peer
   * sends no more than that. At least 16 KiB. Default: 64 KiB.
   */
  callWindowBytes?: number | undefined
  /**
   * How long a call of one request and one answer waits where it says nothing itself, in milliseconds. Default: 30 s. Calls
   * with a stream wait for ever.
   */
  callTimeoutMs?: number | undefined
}

export const CALL_OPTIONS: OptionNames<CallOptions> = {
  maxCalls: true,
  maxMetadataBytes: true,
  callWindowBytes: true,
  callTimeoutMs: true,
}

/** How much each side may send of a stream before it hears of more. */
export const FIRST_WINDOW = 16_384
/** What a message of a stream counts beside its bytes: about what it takes while it waits. */
export const ITEM_BYTES = 64

/** The same, checked. */
export class CallLimits {
  readonly maxCalls: number
  readonly maxMetadataBytes: number
  readonly windowBytes: number
  readonly timeoutMs: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(options: CallOptions) {
    this.maxCalls = countLimit('maxCalls', options.maxCalls, 1_000)
    this.maxMetadataBytes = byteLimit('maxMetadataBytes', options.maxMetadataBytes, 8_192)
    this.windowBytes = byteLimit('callWindowBytes', options.callWindowBytes, 65_536)
    this.timeoutMs = milliseconds('callTimeoutMs', options.callTimeoutMs, 30_000)
    if (this.windowBytes < FIRST_WINDOW)
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `callWindowBytes is ${this.windowBytes}; the peer may send ${FIRST_WINDOW} before it hears of a window, so it is that at least.`,
        { option: 'callWindowBytes' },
      )
  }
}
