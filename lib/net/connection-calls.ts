import { QbpError } from '../base/errors.ts'
import { Calls } from '../calls/calls.ts'
import { dialectOf } from '../calls/dialects.ts'
import type { EndedCall } from '../calls/host.ts'
import type { Part } from '../calls/part.ts'
import type { CallPort } from '../calls/port.ts'
import type { Output } from '../codec/type.ts'
import { now } from '../event-loop/clock.ts'
import { afterInput, timer } from '../event-loop/timers.ts'
import type { ReaderPort, WriterPort } from '../streams/ports.ts'
import { CallSorter } from './call-sorter.ts'
import { isWatchingCalls, reportCall } from './diagnostics.ts'
import type { ConnectionSettings } from './settings.ts'

/** What calls need of their connection beside its reader and writer. */
export interface CallUser {
  readonly connection: object
  destroy(fault: Error): void
  /** A handler threw what is no CallError, or an interceptor did. */
  report(error: unknown): void
}

/** The ports of a connection's reader, and of its writer, which is made when it is looked at. */
interface CallPorts {
  readonly reader: ReaderPort
  readonly writer: WriterPort
}

/** The calls of a connection: what goes out by its writer, and what comes in before its reader. */
export class ConnectionCalls implements CallPort {
  readonly calls: Calls
  /** In front of the reader. */
  readonly sorter: CallSorter
  readonly #ports: CallPorts
  readonly #user: CallUser
  /** What is being sent: one function for all parts, rather than one for each. A part sent within another comes after it was read. */
  #part: Part | null = null
  readonly #body = (output: Output, pos: number): number => this.calls.dialect.write(this.#part as Part, output, pos)
  #alarm: NodeJS.Timeout | undefined

  constructor(
    { role, reader }: ConnectionSettings,
    { protocol, limits }: NonNullable<ConnectionSettings['calls']>,
    ports: CallPorts,
    user: CallUser,
  ) {
    this.#ports = ports
    this.#user = user
    this.calls = new Calls(this, dialectOf(protocol, role), limits)
    this.sorter = new CallSorter(ports.reader, this.calls, reader, {
      peerEnded: () => this.calls.unanswered(null),
      cutOff: (fault, isRead) => {
        this.calls.gone(fault)
        if (isRead) user.destroy(fault)
      },
    })
  }

  get isIdle(): boolean {
    return this.calls.isIdle
  }

  /** Lets calls under way finish, and takes no others. */
  drain(done: () => void): void {
    void this.calls.drain().then(done)
  }

  /** Nothing passes any more. */
  gone(cause: Error | null): void {
    clearTimeout(this.#alarm)
    this.calls.gone(cause)
  }

  // ---- for the calls

  get connection(): object {
    return this.#user.connection
  }

  send(part: Part): boolean {
    const { dialect } = this.calls
    this.#part = part
    try {
      return this.#ports.writer.compose(dialect.entryOf(part), dialect.fieldsOf(part), this.#body, part)
    } catch (refusal) {
      // A peer that does not take its answers costs no more than the queue holds, nor one that does not hear that a call is given up.
      const isFull = refusal instanceof QbpError && refusal.code === 'ERR_QBP_QUEUE_FULL'
      const isAsking = !part.isReply && (part.method !== '' || part.type !== null)
      if (!isFull || isAsking) throw refusal
      this.#user.destroy(refusal)
      return true
    }
  }

  room(): Promise<void> {
    return this.#ports.writer.room(undefined).catch(() => {}) // Gone: the calls hear of it.
  }

  get written(): number {
    return this.#ports.writer.written
  }
  get left(): number {
    return this.#ports.writer.left
  }
  get isOver(): boolean {
    return this.#ports.writer.isOver
  }

  get now(): number {
    return now()
  }

  alarm(ms: number): void {
    clearTimeout(this.#alarm)
    // An answer that waits in the kernel has come in time.
    this.#alarm = timer(ms, () => afterInput(() => this.calls.rang()))
  }

  resume(): void {
    this.sorter.resume()
  }

  broken(fault: QbpError): void {
    this.sorter.breakOff(fault)
  }

  report(error: unknown): void {
    this.#user.report(error)
  }

  get isWatched(): boolean {
    return isWatchingCalls()
  }

  callEnded(call: EndedCall): void {
    reportCall(this.connection, call)
  }
}
