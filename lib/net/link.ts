import { QbpError } from '../base/errors.ts'
import { countLimit, knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { afterInput, timer } from '../event-loop/timers.ts'
import type { HeaderFields } from '../framing/head.ts'
import type { Incoming, Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { writerPort } from '../streams/ports.ts'
import type { QbpConnection } from './connection.ts'
import { LinkNumbers } from './link-numbers.ts'
import type { AnyProtocol } from './settings.ts'

/** A message whose number the link gives: fields of `$header` beside that may be given. */
export type Unnumbered<M> = M extends unknown
  ? Omit<M, '$header'> & { readonly $header?: HeaderFields | undefined }
  : never

/** The names of the messages that travel either way; any where the protocol is not known. */
type NameOf<P, R extends Role> = 0 extends 1 & P
  ? string
  : Extract<Incoming<P, R> | Outgoing<P, R>, { readonly $name: string }>['$name']

/** How a link numbers, and how long it tries. */
export interface LinkOptions<P extends Protocol = AnyProtocol, R extends Role = Role> {
  /** The header's field with a message's own number. Default: 'seq'. */
  seq?: string | undefined
  /** The header's field with the number of the message that is answered. Default: none; an answer has the number of its request in `seq`. */
  ack?: string | undefined
  /** Without `ack`: the names of the messages that are answers. */
  answers?: readonly NameOf<P, R>[] | undefined
  /** How long an answer may take before the request is sent again, in milliseconds. Default: 1 s. */
  timeoutMs?: number | undefined
  /** How often a request is sent. Default: 3. */
  tries?: number | undefined
  /** The greatest number, after which they begin with 1 again. Default: what the header's fields hold, 2**32 - 1 at most. */
  maxNumber?: number | undefined
  /** Requests that may wait for their answers, and how far numbers go on beyond the oldest of them. Default: 256, or what `maxNumber` allows. */
  maxPending?: number | undefined
  /**
   * How many of the peer's last numbers are known again, and their answers kept: as many as its maxPending, lest what it sends again be seen
   * twice. Default: 256, or half of `maxNumber`.
   */
  remembered?: number | undefined
}

const LINK_OPTIONS: OptionNames<LinkOptions> = {
  seq: true,
  ack: true,
  answers: true,
  timeoutMs: true,
  tries: true,
  maxNumber: true,
  maxPending: true,
  remembered: true,
}

type Fields = Readonly<Record<string, unknown>>

interface Pending<M> {
  readonly resolve: (answer: M) => void
  readonly reject: (error: Error) => void
  readonly message: object
  tries: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Requests that are sent until they are answered, over a peer that loses messages though its connection stands, by numbers in fields of
 * the header that are one's own. What the peer sends again is seen once, and its answer repeated.
 *
 *   const link = new Link(connection, { seq: 'seq', answers: ['Ack'], timeoutMs: 500 })
 *   for await (const message of link)            // on either end: what is no answer, each once
 *     await link.answer(message, { $name: 'Ack' })
 *   const ack = await link.request({ $name: 'Telemetry', celsius: 21 })
 *
 * It reads the connection: answers arrive only while somebody runs through the link.
 */
export class Link<P extends Protocol, R extends Role> implements AsyncIterable<Incoming<P, R>> {
  readonly connection: QbpConnection<P, R>
  readonly #seq: string
  readonly #ack: string | undefined
  readonly #answers: ReadonlySet<unknown>
  readonly #timeoutMs: number
  readonly #tries: number
  readonly #numbers: LinkNumbers
  readonly #pending = new Map<number, Pending<Incoming<P, R>>>()
  /** The peer's last numbers, and what they were answered with. */
  readonly #seen = new Map<number, object | null>()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(connection: QbpConnection<P, R>, options: LinkOptions<P, R> = {}) {
    knownOptions('A Link', options as unknown as LinkOptions, LINK_OPTIONS)
    const { seq = 'seq', ack, answers = [] } = options
    if (ack === undefined && answers.length === 0)
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        'A Link needs ack, a field of the header, or answers, names of messages.',
      )
    this.connection = connection
    this.#seq = seq
    this.#ack = ack
    this.#answers = new Set<unknown>(answers)
    this.#timeoutMs = milliseconds('timeoutMs', options.timeoutMs, 1_000)
    this.#tries = countLimit('tries', options.tries, 3)
    const { header } = connection.writer[writerPort].framer
    this.#numbers = new LinkNumbers(header, ack === undefined ? [seq] : [seq, ack], options)
    void connection.closed.then((fault) => this.#fail(fault))
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#pending.size
  }

  /**
   * Sends a message until it is answered. Its `$header` gets the number.
   *
   * @returns the answer.
   * @throws {QbpError} as a rejection: ERR_QBP_READ_TIMEOUT after the last try; ERR_QBP_QUEUE_FULL beyond `maxPending`; the connection's
   * fault or ERR_QBP_CLOSED; what `writeMessage` throws.
   */
  request(message: Unnumbered<Outgoing<P, R>>): Promise<Incoming<P, R>> {
    const [oldest] = this.#pending.keys()
    const number = this.#numbers.next(oldest)
    if (number === 0) return Promise.reject(this.#full())
    return new Promise((resolve, reject) => {
      const numbered = this.#numbered(
        message,
        this.#ack === undefined ? { [this.#seq]: number } : { [this.#seq]: number, [this.#ack]: 0 },
      )
      const pending: Pending<Incoming<P, R>> = { resolve, reject, message: numbered, tries: 0, timer: undefined }
      this.#pending.set(number, pending)
      this.#send(number, pending)
    })
  }

  /** Answers a message of the peer, under its number. An answer is kept, and repeated where the peer asks again. @throws as `writeMessage`. */
  answer(to: Incoming<P, R>, message: Unnumbered<Outgoing<P, R>>): Promise<void> {
    const number = numberIn(to, this.#seq)
    const fields = this.#ack === undefined ? { [this.#seq]: number } : { [this.#seq]: 0, [this.#ack]: number }
    const answer = this.#numbered(message, fields)
    if (this.#seen.has(number)) this.#seen.set(number, answer)
    return this.#write(answer)
  }

  /** The peer's messages that are no answers, each once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Incoming<P, R>, void, undefined> {
    for await (const message of this.connection.reader) if (this.#isNew(message)) yield message
  }

  /** Whether a message is to be handed out. One that answers settles its request; to one that was seen its answer is repeated. */
  #isNew(message: Incoming<P, R>): boolean {
    const answered = this.#answered(message)
    if (answered !== 0) {
      const pending = this.#pending.get(answered)
      if (pending === undefined) return false // It was sent twice, and answered twice.
      this.#forget(answered, pending)
      pending.resolve(message)
      return false
    }
    const number = numberIn(message, this.#seq)
    if (number === 0) return true
    const answer = this.#seen.get(number)
    if (answer === undefined) {
      this.#remember(number)
      return true
    }
    if (answer !== null) this.#write(answer).catch(() => {}) // Its end is the connection's.
    return false
  }

  /** The number of the request that a message answers, or 0. */
  #answered(message: Incoming<P, R>): number {
    if (this.#ack !== undefined) return numberIn(message, this.#ack)
    return this.#answers.has((message as { $name?: unknown }).$name) ? numberIn(message, this.#seq) : 0
  }

  #remember(number: number): void {
    this.#seen.set(number, null)
    if (this.#seen.size <= this.#numbers.remembered) return
    const [oldest] = this.#seen.keys()
    if (oldest !== undefined) this.#seen.delete(oldest)
  }

  #numbered(message: object, fields: Fields): object {
    const { $header } = message as { $header?: Fields }
    return { ...message, $header: { ...$header, ...fields } }
  }

  #send(number: number, pending: Pending<Incoming<P, R>>): void {
    pending.timer = timer(this.#timeoutMs, () => afterInput(() => this.#expired(number, pending)))
    // What waits here still needs no second of its kind.
    if (pending.tries++ > 0 && this.connection.writer.writableNeedDrain) return
    this.#write(pending.message).catch((error: Error) => {
      if (this.#pending.get(number) !== pending) return
      this.#forget(number, pending)
      pending.reject(error)
    })
  }

  #write(message: object): Promise<void> {
    return this.connection.writer.writeMessage(message as Outgoing<P, R>)
  }

  #expired(number: number, pending: Pending<Incoming<P, R>>): void {
    if (this.#pending.get(number) !== pending) return
    if (pending.tries < this.#tries) {
      this.#send(number, pending)
      return
    }
    this.#forget(number, pending)
    const { $name } = pending.message as { $name?: string }
    pending.reject(
      new QbpError(
        'ERR_QBP_READ_TIMEOUT',
        `No answer to ${$name ?? 'a message'} ${number} came after ${this.#tries} tries of ${this.#timeoutMs} ms, which is timeoutMs.`,
        { limit: this.#timeoutMs, ...($name !== undefined && { messageName: $name }) },
      ),
    )
  }

  #forget(number: number, pending: Pending<Incoming<P, R>>): void {
    clearTimeout(pending.timer)
    this.#pending.delete(number)
  }

  #fail(fault: Error | null): void {
    const error = fault ?? new QbpError('ERR_QBP_CLOSED', 'The connection closed before the answer came.')
    for (const [number, pending] of this.#pending) {
      this.#forget(number, pending)
      pending.reject(error)
    }
    this.#seen.clear()
  }

  #full(): QbpError {
    const limit = this.#numbers.maxPending
    return new QbpError(
      'ERR_QBP_QUEUE_FULL',
      `The oldest of ${this.#pending.size} requests that wait for their answers is ${limit} numbers back, which is maxPending.`,
      { limit },
    )
  }
}

/** A number in a message's header, a bigint in a field of 64 bits; 0 where there is none. */
function numberIn(message: object, field: string): number {
  const number = (message as { $header?: Fields }).$header?.[field]
  return typeof number === 'number' || typeof number === 'bigint' ? Number(number) : 0
}
