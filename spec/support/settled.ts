import { setImmediate, setTimeout } from 'node:timers/promises'

// Whether a spec leaves the process as it found it.
//
//   describe('a server', settled(() => {
//     it('…', …)
//   }))

/** How long what closes by itself may take to do so. A bound, not a measure: it ends as soon as all is closed. */
const PATIENCE_MS = 2_000

/** What keeps the process alive, by kind and number: `TCPSocketWrap`, `TCPServerWrap`, `PipeWrap`, `Timeout`, … */
export type Handles = ReadonlyMap<string, number>

/** The sockets, servers, child processes and timers that are open now. Unreferenced timers do not count. */
export function openHandles(): Handles {
  const handles = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) handles.set(kind, (handles.get(kind) ?? 0) + 1)
  return handles
}

/** What `after` has and `before` had not, as text: `2 TCPSocketWrap, 1 Timeout`; empty if there is nothing. */
export function leftOver(before: Handles, after: Handles): string {
  return [...after]
    .map(([kind, count]) => [count - (before.get(kind) ?? 0), kind] as const)
    .filter(([more]) => more > 0)
    .map(([more, kind]) => `${more} ${kind}`)
    .join(', ')
}

/** Watches from `begin` until `end`. */
export class Watch {
  readonly #before = openHandles()
  readonly #rejections: unknown[] = []
  readonly #note = (reason: unknown) => this.#rejections.push(reason)

  private constructor() {
    process.on('unhandledRejection', this.#note)
  }

  /** A turn after its call, when mocha's timer of the spec or hook that calls it runs: it then counts before and after. */
  static async begin(): Promise<Watch> {
    await setImmediate()
    return new Watch()
  }

  /**
   * Waits until everything opened since is closed, at most PATIENCE_MS.
   *
   * @throws if something stays open, or if a promise was rejected and nobody had a handler for it.
   */
  async end(patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patienceMs
    try {
      // A rejection is told a turn after it happened.
      await setImmediate()
      let left = leftOver(this.#before, openHandles())
      while (left !== '' && performance.now() < deadline) {
        await setTimeout(5)
        left = leftOver(this.#before, openHandles())
      }
      if (left !== '') throw new Error(`left open: ${left}`)
      if (this.#rejections.length > 0) throw new Error('unhandled rejection', { cause: this.#rejections[0] })
    } finally {
      process.off('unhandledRejection', this.#note)
    }
  }
}

/**
 * The body of a `describe`, each spec of which fails if it and its hooks leave a handle open or a rejection unhandled. It stands
 * around the body so that its own hooks are the first and the last: what an `afterEach` inside closes is closed.
 */
export function settled(body: (this: Mocha.Suite) => void): (this: Mocha.Suite) => void {
  return function () {
    let watch: Watch
    beforeEach('is watched', async () => {
      watch = await Watch.begin()
    })
    body.call(this)
    afterEach('leaves nothing open', () => watch.end())
  }
}
