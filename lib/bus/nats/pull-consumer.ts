import { AckPolicy, DeliverPolicy, ReplayPolicy } from '@nats-io/jetstream'
import { createInbox, type Msg, nanos } from '@nats-io/transport-node'
import type { NatsLink } from './link.ts'

/** The server forgets a consumer that was not deleted after this. */
const ABANDONED_MS = 5_000
/** How much one page holds, in bytes. */
const PAGE_BYTES = 2 ** 20

/** A consumer of a stream's messages of one subject, to take them page by page and to be deleted again. */
export class PullConsumer {
  /** How many there were when it was made. */
  readonly pending: number
  readonly #link: NatsLink
  readonly #stream: string
  readonly #name: string
  #delivered = 0

  private constructor(link: NatsLink, stream: string, name: string, pending: number) {
    this.#link = link
    this.#stream = stream
    this.#name = name
    this.pending = pending
  }

  /** @param from the first sequence number; null for the last message of each subject, without its data. */
  static async on(link: NatsLink, stream: string, subject: string, from: number | null): Promise<PullConsumer> {
    const info = await link.jsm.consumers.add(stream, {
      filter_subject: subject,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      inactive_threshold: nanos(ABANDONED_MS),
      mem_storage: true,
      num_replicas: 1,
      ...(from === null
        ? { deliver_policy: DeliverPolicy.LastPerSubject, headers_only: true }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(from, 1) }),
    })
    return new PullConsumer(link, stream, info.name, info.num_pending)
  }

  /** Takes up to `batch` messages more, less where they would be too many bytes. @returns how many. */
  take(batch: number, timeoutMs: number, take: (message: Msg, seq: number) => void): Promise<number> {
    const { nc, apiPrefix, inboxPrefix, maxPayload } = this.#link
    const inbox = createInbox(inboxPrefix)
    const before = this.#delivered
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const end = (error?: unknown) => {
        clearTimeout(timer)
        subscription.unsubscribe()
        if (error === undefined) resolve(this.#delivered - before)
        else reject(error)
      }
      // Throws where the connection is closed for good: nothing is to be undone yet.
      const subscription = nc.subscribe(inbox, {
        callback: (error, message) => {
          if (error) return end(error)
          if (message.headers && message.headers.code >= 400) return end()
          const { seq, delivered, pending } = parseReply(message.reply ?? '')
          if (delivered !== this.#delivered + 1) return end(new Error('a delivery got lost'))
          this.#delivered = delivered
          take(message, seq)
          if (delivered === before + batch || pending === 0) end()
        },
      })
      timer = setTimeout(() => end(new Error('the server has stopped delivering')), timeoutMs)
      const request = { batch, max_bytes: Math.max(PAGE_BYTES, maxPayload + 4096), no_wait: true }
      const subject = `${apiPrefix}.CONSUMER.MSG.NEXT.${this.#stream}.${this.#name}`
      try {
        nc.publish(subject, JSON.stringify(request), { reply: inbox })
      } catch (error) {
        end(error)
      }
    })
  }

  delete(): void {
    this.#link.jsm.consumers.delete(this.#stream, this.#name).catch(() => {})
  }
}

/** What a delivery's reply subject says: `$JS.ACK.[domain.account.]stream.consumer.times.seq.delivered.time.pending[.token]`. */
function parseReply(reply: string): { seq: number; delivered: number; pending: number } {
  const parts = reply.split('.')
  const at = parts.length >= 11 ? 7 : 5
  return { seq: Number(parts[at]), delivered: Number(parts[at + 1]), pending: Number(parts[at + 3]) }
}
