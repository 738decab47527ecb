import { DeliverPolicy } from '@nats-io/jetstream'
import type { SubscribeOptions } from '../contract.ts'
import type { Watch } from '../watch.ts'
import type { NatsLink } from './link.ts'
import { NatsReader, type NatsSource } from './reader.ts'

/** What is watched. */
export interface Watched {
  readonly link: NatsLink
  readonly stream: string
  /** Names it in errors. */
  readonly what: string
  /** The subjects, as NATS has it. */
  readonly filter: string
  readonly watch: Watch
  /** Looks at the stream itself, which may be gone. */
  reopen(): Promise<{ readonly epoch: string }>
  /** A message, in a stream of an epoch. */
  see: (message: Parameters<NatsSource['message']>[0], epoch: string) => void
  /** It has ended for good. */
  failed(error: unknown): void
}

/** Reads a part of the store: what is there, and then each change, through the engine's absences. */
export class StoreWatch {
  readonly #watched: Watched
  readonly #reader: NatsReader
  #epoch = ''
  /** Of what was there, the subjects not reported yet. Not the server's count of what is pending: that one goes wrong under writes. */
  #missing = new Set<string>()
  #reported = () => {}
  #failed: (error: unknown) => void = () => {}

  constructor(watched: Watched) {
    this.#watched = watched
    const { link, what } = watched
    this.#reader = new NatsReader(link, {
      what,
      open: () => this.#open(),
      opened: () => this.#look(),
      message: (message) => {
        watched.see(message, this.#epoch)
        if (this.#missing.delete(message.subject)) this.#look()
      },
      idle: () => this.#idle(),
      failed: (error) => {
        this.#failed(error)
        this.close()
        watched.failed(error)
      },
    })
  }

  /** Resolves once all that is there has been reported. */
  async start({ signal }: SubscribeOptions): Promise<void> {
    const { link } = this.#watched
    const snapshot = new Promise<void>((resolve, reject) => {
      this.#reported = resolve
      this.#failed = reject
    })
    snapshot.catch(() => {})
    await this.#reader.start(link.patience(signal))
    await link.race(snapshot, signal, { survivesDown: true })
  }

  close(): void {
    this.#reader.close()
    this.#watched.watch.close()
  }

  async #open() {
    const { filter, reopen, stream, watch } = this.#watched
    const { epoch } = await reopen()
    const there = await this.#list()
    const begin = () => {
      this.#epoch = epoch
      this.#missing = there
      watch.startSnapshot()
      return { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: filter }
    }
    return { stream, begin }
  }

  #look(): void {
    if (this.#missing.size > 0) return
    this.#watched.watch.endSnapshot()
    this.#reported()
  }

  /** What is missing yet has run out before its turn came. */
  #idle(): void {
    if (this.#missing.size === 0) return
    const asked = this.#missing
    this.#list().then(
      (there) => {
        for (const subject of asked) if (!there.has(subject)) asked.delete(subject)
        if (asked === this.#missing) this.#look()
      },
      () => {}, // The next heartbeat asks again.
    )
  }

  /** The subjects of all that is kept. */
  async #list(): Promise<Set<string>> {
    const { link, stream, filter } = this.#watched
    const info = await link.jsm.streams.info(stream, { subjects_filter: filter })
    return new Set(Object.keys(info.state.subjects ?? {}))
  }
}
