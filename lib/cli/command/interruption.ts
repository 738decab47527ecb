import { constants } from 'node:os'

/** Signals that ask a process to end, by a person, a supervisor or a terminal that has gone. */
export const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Why a verb is to end before its work is done: the reason of an {@link Io.signal}. */
export class Interruption extends Error {
  /** What a shell makes of a process that ended by the signal: 130 after Ctrl-C. */
  readonly exitCode: number
  override readonly cause: (typeof ENDING)[number] | 'EPIPE'

  constructor(cause: (typeof ENDING)[number] | 'EPIPE') {
    super(`interrupted by ${cause}`)
    this.cause = cause
    // Whoever read standard output has all it wanted (`qbp decode | head`): that is no fault.
    this.exitCode = cause === 'EPIPE' ? 0 : 128 + constants.signals[cause]
  }
}

/** The exit code of a verb whose signal has aborted. */
export const codeOfInterruption = ({ reason }: AbortSignal): number =>
  reason instanceof Interruption ? reason.exitCode : 128 + constants.signals.SIGINT
