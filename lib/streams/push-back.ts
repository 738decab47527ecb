import { inRootContext } from '../event-loop/root-context.ts'
import { immediate } from '../event-loop/timers.ts'
import { Deferred } from './deferred.ts'

//   free ── more than highWaterMarkBytes wait ──► full ── half of that has left, or the stream is over ──► free, and `drain`

/** What emits `drain`. */
interface Drained {
  emit(event: 'drain'): boolean
}

/** Whether a writer's users are to wait, and the calls that do. A push-back always lifts. */
export class PushBack {
  readonly #stream: Drained
  #phase: 'free' | 'full' = 'free'
  /** Writing calls that wait for room. */
  #waiters: Set<Deferred<void>> | null = null
  /** Emits `drain` after writes that came too late. */
  #late: NodeJS.Immediate | null = null

  constructor(stream: Drained) {
    this.#stream = stream
  }

  /** `write` has returned false, and no `drain` has followed. */
  get isFull(): boolean {
    return this.#phase === 'full'
  }

  /** Users are to write no more for now. */
  begin(): void {
    this.#phase = 'full'
  }

  /** Resolves once it lifts. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    const waiter = new Deferred<void>()
    if (signal !== undefined) waiter.heed(signal, () => this.#waiters?.delete(waiter))
    this.#waiters ??= new Set()
    this.#waiters.add(waiter)
    return waiter.promise
  }

  /** Users may write again, from the next tick on. */
  lift(): void {
    if (this.#phase === 'free') return
    this.#phase = 'free'
    inRootContext(process.nextTick, PushBack.#drain, this)
  }

  /** A write has come after the end: what it waits for comes all the same. A turn later, since many never look at a write's callback. */
  liftLate(): void {
    this.#late ??= immediate(() => {
      this.#late = null
      this.#stream.emit('drain')
    })
  }

  /** Nothing can be written any more. */
  fail(reason: Error): void {
    const waiters = this.#waiters
    this.#waiters = null
    if (waiters !== null) for (const waiter of waiters) waiter.reject(reason)
    this.lift()
  }

  static #drain(this: void, pushBack: PushBack): void {
    const waiters = pushBack.#waiters
    pushBack.#waiters = null
    if (waiters !== null) for (const waiter of waiters) waiter.resolve()
    pushBack.#stream.emit('drain')
  }
}
