import { AsyncResource } from 'node:async_hooks'

export type WriteCallback = (error?: Error | null) => void

interface Waiting {
  /** The byte of the stream, counted from 0, that the message ends before. */
  readonly end: number
  readonly callback: WriteCallback
  /** That of the caller. AsyncResource.bind() would cost as much as a hundred messages on Node 20. */
  readonly context: AsyncResource
}

/** The callbacks of writes, in the order of their messages. Each is called once, in the context of its own caller. */
export class WriteCallbacks {
  #waiting: Waiting[] = []
  /** Of messages that were given to the duplex, which has not called back yet. */
  readonly #underWay = new Set<WriteCallback>()

  /** @param end of the message, as bytes of the stream. */
  add(callback: WriteCallback, end: number): void {
    this.#waiting.push({ end, callback, context: new AsyncResource('QBP_WRITE') })
  }

  /** Takes the callbacks of all messages that end within the stream's first `end` bytes. @returns one for all of them, if there are any. */
  upTo(end: number): WriteCallback | undefined {
    let count = 0
    while (count < this.#waiting.length && (this.#waiting[count] as Waiting).end <= end) count++
    if (count === 0) return undefined
    const done = this.#waiting.splice(0, count)
    const callBack: WriteCallback = (error = null) => {
      if (!this.#underWay.delete(callBack)) return
      for (const { callback, context } of done) {
        // One that throws keeps no other from its call.
        process.nextTick(() => context.runInAsyncScope(callback, undefined, error))
      }
    }
    this.#underWay.add(callBack)
    return callBack
  }

  /** Nothing more is given to the duplex. */
  fail(reason: Error): void {
    this.upTo(Number.POSITIVE_INFINITY)?.(reason)
  }

  /** Nor has it sent what is under way: it may never call back. */
  lose(reason: Error): void {
    for (const callBack of this.#underWay) callBack(reason)
    this.fail(reason)
  }
}
