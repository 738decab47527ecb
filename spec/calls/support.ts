// Two ends of calls without a connection: what one writes the other reads, a turn of the event loop later, or when the spec
// lets it.

import { join } from 'node:path'
import { LONGEST_TIMER_MS } from '../../lib/base/longest-timer.ts'
import { Calls } from '../../lib/calls/calls.ts'
import { type ClientOptions, makeClient } from '../../lib/calls/client.ts'
import { dialectOf } from '../../lib/calls/dialects.ts'
import type { EndedCall } from '../../lib/calls/host.ts'
import { CallLimits, type CallOptions } from '../../lib/calls/limits.ts'
import type { Part } from '../../lib/calls/part.ts'
import type { CallPort } from '../../lib/calls/port.ts'
import { type ServeOptions, serve } from '../../lib/calls/serve.ts'
import type { AnyClient, AnyHandlers } from '../../lib/calls/typed.ts'
import type { Output } from '../../lib/codec/type.ts'
import { Batch } from '../../lib/framing/batch.ts'
import { FrameParser } from '../../lib/framing/frame-parser.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { Protocol, type ProtocolOptions, type QbpError, type Role } from '../../lib/index.ts'
import type { CallForm } from '../../lib/protocol/call-forms.ts'

export const loadAccounts = (calls: CallForm = true, options: ProtocolOptions = {}): Promise<Protocol> =>
  Protocol.load(join(__dirname, 'accounts.proto'), {
    includeDirs: [join(__dirname, '../../schemas')],
    calls,
    ...(calls === 'ttrpc' ? { types: {} } : {}),
    ...options,
  })

/** One end. */
export class CallEnd implements CallPort {
  readonly calls: Calls
  readonly connection = this
  readonly protocol: Protocol
  other: CallEnd | null = null
  isOver = false
  written = 0
  left = 0
  /** Nothing of what is written leaves while it is true. */
  isStuck = false
  /** `send` says that there is no room. */
  isFull = false
  readonly faults: QbpError[] = []
  readonly reports: unknown[] = []
  /** Every frame that came, as hexadecimal digits. */
  readonly received: string[] = []
  readonly #writer: MessageWriter
  readonly #batch = new Batch()
  readonly #frames: FrameParser
  #isScheduled = false
  #alarm: NodeJS.Timeout | undefined
  #roomy: (() => void)[] = []

  constructor(protocol: Protocol, role: Role, options: CallOptions = {}) {
    this.protocol = protocol
    this.#writer = new MessageWriter(protocol.header, protocol.table(role, 'outgoing'), 2 ** 20)
    this.#frames = new FrameParser(protocol.header, 2 ** 20)
    this.calls = new Calls(this, dialectOf(protocol, role), new CallLimits(options))
  }

  /** What came, as ordinary messages. */
  get messages(): Record<string, unknown>[] {
    const frames = new FrameParser(this.protocol.header, 2 ** 20)
    return this.received.map((hex) => {
      frames.feed(Buffer.from(hex, 'hex'))
      frames.next()
      const entry = this.protocol.sent.client.byType(frames.type)
      return { ...entry?.decode(frames.buffer, frames.start, frames.end, false, null) }
    })
  }

  client(options?: ClientOptions): AnyClient {
    return makeClient(this.calls, this.protocol.service('Accounts'), options)
  }

  serve(handlers: AnyHandlers, options?: ServeOptions): void {
    serve(this.calls, this.protocol.service('Accounts'), handlers, options)
  }

  send(part: Part): boolean {
    const { dialect } = this.calls
    const output = this.#batch.open()
    try {
      const body = (into: Output, at: number) => dialect.write(part, into, at)
      const end = this.#writer.compose(dialect.entryOf(part), dialect.fieldsOf(part), body, output, output.pos)
      this.written += end - output.pos
      this.#batch.close(output, end)
    } catch (refusal) {
      this.#batch.abandon(output)
      throw refusal
    }
    if (!this.#isScheduled) setImmediate(() => this.flush())
    this.#isScheduled = true
    return !this.isFull
  }

  room(): Promise<void> {
    return new Promise((resolve) => this.#roomy.push(resolve))
  }

  makeRoom(): void {
    this.isFull = false
    for (const resolve of this.#roomy.splice(0)) resolve()
  }

  flush(): void {
    this.#isScheduled = false
    if (this.isStuck || this.isOver) return
    for (let chunk = this.#batch.take(); chunk !== null; chunk = this.#batch.take()) {
      this.left += chunk.length
      this.other?.arrive(chunk)
    }
  }

  arrive(chunk: Uint8Array): void {
    const frames = this.#frames
    frames.feed(chunk)
    while (frames.next()) {
      this.received.push(Buffer.from(frames.buffer.subarray(frames.begin, frames.end)).toString('hex'))
      this.calls.receive(frames)
    }
  }

  get now(): number {
    return performance.now()
  }

  alarm(ms: number): void {
    clearTimeout(this.#alarm)
    if (ms <= LONGEST_TIMER_MS) this.#alarm = setTimeout(() => this.calls.rang(), ms)
  }

  resume(): void {}

  readonly ended: EndedCall[] = []
  get isWatched(): boolean {
    return true
  }
  callEnded(call: EndedCall): void {
    this.ended.push(call)
  }

  broken(fault: QbpError): void {
    this.faults.push(fault)
  }

  report(error: unknown): void {
    this.reports.push(error)
  }

  /** The connection is gone, for this end. */
  die(cause: Error | null = null): void {
    this.isOver = true
    clearTimeout(this.#alarm)
    this.calls.gone(cause)
  }
}

/** A caller and a callee. Both may call. */
export function callPair(protocol: Protocol, options: CallOptions = {}): { caller: CallEnd; callee: CallEnd } {
  const caller = new CallEnd(protocol, 'client', options)
  const callee = new CallEnd(protocol, 'server', options)
  caller.other = callee
  callee.other = caller
  return { caller, callee }
}

/** So many turns of the event loop: a frame takes one from end to end. */
export async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/** What a promise is rejected with. */
export const rejection = (promise: Promise<unknown>): Promise<{ code?: string; message: string; sent?: boolean }> =>
  promise.then(
    () => Promise.reject(new Error('It was to be rejected.')),
    (error) => error,
  )
