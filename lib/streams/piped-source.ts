import { type EventEmitter, errorMonitor } from 'node:events'

/** A stream that is piped into a reader. */
type SourceStream = EventEmitter & { read?: () => unknown }

//   unread ── pipe() ──► piped on
//     │
//     └── the source has failed ──► an Error

/**
 * The stream that is piped into a reader, and what becomes of the messages that came before it failed: `pipeline` destroys the
 * reader then, which would give them up.
 */
export class PipedSource {
  #stream: SourceStream | null = null
  /** How the stream has ended before its end. */
  #end: Error | 'closed' | null = null
  #phase: 'unread' | 'piped on' | Error = 'unread'

  /** Why the source has failed, after what it brought. */
  get fault(): Error | null {
    return this.#phase instanceof Error ? this.#phase : null
  }

  /** What the reader is piped into is destroyed with it: nothing is to be handed out first. */
  passOn(): void {
    if (this.#phase === 'unread') this.#phase = 'piped on'
  }

  /** Sees how a stream ends that is piped in, before `pipeline` does. The last counts. */
  watch(stream: SourceStream): void {
    this.#stream = stream
    this.#end = null
    const ended = (end: Error | 'closed') => {
      if (this.#stream === stream) this.#end ??= end
    }
    stream.once(errorMonitor, ended)
    stream.once('close', () => ended('closed'))
  }

  /** The reader is destroyed by an error. @returns whether that is how its source has failed, and its messages come first. */
  fail(error: Error): boolean {
    if (this.#phase !== 'unread' || !this.#isOf(error)) return false
    this.#phase = error
    return true
  }

  #isOf(error: Error & { code?: unknown }): boolean {
    return this.#end === 'closed' ? error.code === 'ERR_STREAM_PREMATURE_CLOSE' : error === this.#end
  }

  /** What the failed source holds still. */
  *rest(): Generator<unknown, void> {
    const stream = this.#stream
    for (let chunk = stream?.read?.() ?? null; chunk !== null; chunk = stream?.read?.() ?? null) yield chunk
  }
}
