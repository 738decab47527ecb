import { QbpError } from '../base/errors.ts'
import type { Carrier, CarrierUser } from './carrier.ts'
import type { ConnectionCalls, OpenCalls } from './connection-calls.ts'
import { Deadlines, type Watched } from './deadlines.ts'
import { Inbox, type InboxUser, type Intake } from './inbox.ts'
import type { ConnectionSettings } from './options.ts'
import { Outbox, type OutboxUser } from './outbox.ts'
import { timer } from './timer.ts'

/** Up to so many unread bytes a carrier that can be held is read. */
const READ_AHEAD_BYTES = 65_536
/** How long a peer that does not end is waited for, once all was sent; and a fault of the reader may be answered. */
const LINGER_MS = 2_000

//   open ── close() ──► closing ── the carrier has closed ──► closed
//     └─ the carrier has closed, or destroy() ────────────────┘
type Phase = 'open' | 'closing' | 'closed'

/** The inside of a connection: what its carrier, its inbox, its outbox and its deadlines report comes together here. */
export class ConnectionCore implements CarrierUser, InboxUser, OutboxUser, Watched {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly closed: Promise<Error | null>
  readonly peerEnded: Promise<void>
  readonly calls: ConnectionCalls | null
  readonly settings: ConnectionSettings
  phase: Phase = 'open'
  /** Undefined until something has decided it. */
  outcome: Error | null | undefined
  /** What bytes come to: the inbox, or what takes calls out in front of it. */
  readonly #intake: Intake
  readonly #carrier: Carrier
  readonly #deadlines: Deadlines
  #settle!: (outcome: Error | null) => void
  #hearEnd!: () => void
  readonly #timers: ReturnType<typeof timer>[] = []

  constructor(connection: object, carrier: Carrier, settings: ConnectionSettings, openCalls: OpenCalls | null) {
    this.#carrier = carrier
    this.settings = settings
    const { reading, counting } = settings
    const inbox = new Inbox(reading, this, counting)
    const outbox = new Outbox(settings, carrier, this)
    this.inbox = inbox
    this.outbox = outbox
    this.calls = openCalls?.({ connection, inbox, outbox, settings, failed: (fault) => this.failed(fault) }) ?? null
    this.#intake = this.calls?.sorter ?? inbox
    this.#deadlines = new Deadlines(this, settings)
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.peerEnded = new Promise((resolve) => {
      this.#hearEnd = resolve
    })
  }

  start(): void {
    this.#deadlines.start()
    this.#carrier.start(this)
  }

  close(graceMs: number): void {
    if (this.phase === 'closed') return
    this.inbox.discard()
    this.#carrier.resume()
    if (this.phase === 'open') {
      this.phase = 'closing'
      if (this.calls === null) this.outbox.end()
      else this.calls.drain(() => this.outbox.end())
    }
    this.#later(graceMs, () => {
      const { queued } = this.outbox
      const isCalling = this.calls?.isIdle === false
      if (queued === 0 && !isCalling) return this.destroy()
      const what = isCalling ? 'Calls under way were not done' : `${queued} bytes were not sent`
      const text = `${what} within ${graceMs} ms, which is graceMs.`
      this.destroy(new QbpError('ERR_QBP_CLOSED', text, { limit: graceMs }))
    })
  }

  destroy(error?: Error): void {
    if (this.phase === 'closed') return
    this.#decide(error ?? null)
    const fault = error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.')
    this.calls?.gone(fault)
    this.inbox.discard(fault)
    this.outbox.fail(fault)
    this.#carrier.abort(fault)
    this.shut(null)
  }

  /** The first thing that decides the outcome explains those that follow. */
  #decide(outcome: Error | null): void {
    if (this.outcome === undefined) this.outcome = outcome
  }

  #later(ms: number, act: () => void): void {
    this.#timers.push(timer(ms, act))
  }

  // ---- for the carrier

  chunk(bytes: Uint8Array): boolean {
    this.#deadlines.heard()
    this.#intake.arrive(bytes)
    const { unread } = this.inbox
    const { maxUnreadBytes } = this.settings
    if (unread > maxUnreadBytes) {
      const text = `${unread} bytes wait for a reader; maxUnreadBytes allows ${maxUnreadBytes}.`
      this.destroy(new QbpError('ERR_QBP_QUEUE_FULL', text, { size: unread, limit: maxUnreadBytes }))
    }
    return unread <= READ_AHEAD_BYTES
  }

  ended(): void {
    this.#deadlines.stop()
    this.#intake.end()
    this.#hearEnd()
  }

  drained(): void {
    this.outbox.drained()
  }

  shut(fault: Error | null): void {
    if (this.phase === 'closed') return
    this.phase = 'closed'
    this.#deadlines.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    const cut = fault ?? this.#intake.truncation()
    const lost = cut === null && this.outbox.queued > 0 ? this.#lost() : cut
    this.#decide(lost)
    const reason = fault ?? new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
    if (fault === null) this.#intake.end()
    else this.#intake.fail(fault)
    this.calls?.gone(fault)
    this.outbox.fail(reason)
    this.#hearEnd()
    this.#settle(this.outcome ?? null)
  }

  #lost(): QbpError {
    return new QbpError('ERR_QBP_CLOSED', `The connection closed before ${this.outbox.queued} bytes were sent.`)
  }

  // ---- for inbox and outbox

  taken(): void {
    if (this.inbox.unread <= READ_AHEAD_BYTES) this.#carrier.resume()
  }

  /** This side may still say what was wrong. */
  failed(fault: Error): void {
    this.#decide(fault)
    this.#deadlines.stop()
    this.#later(LINGER_MS, () => this.destroy(fault))
  }

  tooSlow(fault: QbpError): void {
    this.destroy(fault)
  }

  done(): void {
    this.#carrier.end()
    if (this.phase === 'closing') this.#later(LINGER_MS, () => this.outbox.queued === 0 && this.destroy())
  }

  // ---- for the deadlines

  get waiting(): boolean {
    return this.#intake.waiting
  }
  get frames(): { readonly index: number; readonly pending: number } {
    return this.#intake.frames
  }
  beat(frame: Uint8Array): void {
    this.outbox.add(frame)
    this.settings.counting?.beat(frame)
  }
  missed(fault: QbpError): void {
    this.destroy(fault)
  }
}
