import { knownOptions } from '../../base/options.ts'
import { inRootContext } from '../../event-loop/root-context.ts'
import { immediate } from '../../event-loop/timers.ts'
import {
  BUS_OPTIONS,
  type BusOptions,
  checkInteger,
  ofKind,
  RETENTION_OPTIONS,
  type RetentionOptions,
  retention,
} from '../bus-options.ts'
import type { Contents } from './hub-contents.ts'
import { HubFile, type HubFileOptions, type HubState } from './hub-file.ts'
import { LocalLogs } from './logs.ts'
import { type LiveSubscriber, LocalBus, type LocalEngine } from './node.ts'
import type { LocalReader } from './reader.ts'
import { LocalTable } from './table.ts'

export interface LocalHubOptions extends RetentionOptions {
  /** The longest frame and value, in bytes. Default: 1 MiB less 1 KiB, as on NATS. */
  readonly maxFrameBytes?: number | undefined
}

/** How long one turn of the event loop may take, and after how many calls the clock is looked at. */
const TURN_MS = 10
const CALLS_PER_LOOK = 8

/**
 * The engine in process: several nodes in one process share it. `down` and `up` let a program's tests take it away; `save` and `load` carry logs and
 * store, sessions among them, over a restart.
 */
export class LocalHub implements LocalEngine, HubState, AsyncDisposable {
  readonly maxFrameBytes: number
  /** @internal */
  readonly table: LocalTable
  /** @internal By kind. */
  readonly logs: ReadonlyMap<string | undefined, LocalLogs>
  /** @internal */
  readonly live = new Map<string, Set<LiveSubscriber>>()
  /** The nodes. */
  readonly buses = new Set<LocalBus>()
  /** @internal By channel. */
  readonly readers = new Map<string, Set<LocalReader>>()
  #calls: (() => void)[] = []
  #isScheduled = false
  #isUp = true
  #file: HubFile | undefined

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(options: LocalHubOptions = {}) {
    knownOptions('LocalHub', options, { ...RETENTION_OPTIONS, maxFrameBytes: true })
    const { maxFrameBytes = 1_047_552 } = options
    checkInteger('maxFrameBytes', maxFrameBytes, 1, Number.MAX_SAFE_INTEGER)
    this.maxFrameBytes = maxFrameBytes
    const { maxTtlMs, kinds } = retention(options)
    this.logs = new Map([...kinds].map(([name, limits]) => [name, new LocalLogs(limits)]))
    this.table = new LocalTable(maxTtlMs, (call) => this.later(call))
  }

  /**
   * A hub with what a file has of an earlier one, or an empty one where there is no such file. With `saveEveryMs` it is saved there from then on.
   * Logs of kinds that it does not know are left out.
   *
   * @throws {QbpError} ERR_QBP_BAD_OPTION; ERR_QBP_INVALID_BODY for a file that `save` has not written; as a rejection, what reading throws.
   */
  static async load(path: string, options: LocalHubOptions & HubFileOptions = {}): Promise<LocalHub> {
    const { saveEveryMs, maxFileBytes, ...kept } = options
    const hub = new LocalHub(kept)
    hub.#file = new HubFile(path, hub, { saveEveryMs, maxFileBytes })
    await hub.#file.load()
    return hub
  }

  /** Whether the engine is there. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** One more node. */
  bus(options: BusOptions = {}): LocalBus {
    knownOptions('bus()', options, BUS_OPTIONS)
    return new LocalBus(this, options)
  }

  /**
   * Writes all logs and the store into a file, in place of what it had: whole, or not at all. A hub that was loaded knows its file. Where it would
   * exceed `maxFileBytes` (64 MiB), the oldest frames are left out.
   *
   * @throws {QbpError} as a rejection: ERR_QBP_BAD_OPTION without a path; ERR_QBP_TOO_LONG where the store alone exceeds it; what writing throws.
   */
  async save(path?: string, options: Pick<HubFileOptions, 'maxFileBytes'> = {}): Promise<void> {
    const file = path === undefined ? this.#file : new HubFile(path, this, options)
    await (file ?? new HubFile('', this, {})).save()
  }

  /** Stops saving by the clock, after a last time. Rejects with what that throws. */
  async close(): Promise<void> {
    await this.#file?.close()
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  get version(): number {
    let version = this.table.version
    for (const logs of this.logs.values()) version += logs.version
    return version
  }

  /** @internal */
  snapshot(): Contents {
    const logs = [...this.logs].flatMap(([kind, all]) =>
      Array.from(all.saved(), ([channel, log]) => ({ kind, channel, ...log })),
    )
    return { entries: [...this.table.saved()], logs }
  }

  /** @internal */
  restore({ entries, logs }: Contents): void {
    for (const entry of entries) this.table.load(entry)
    for (const { kind, channel, ...log } of logs) this.logs.get(kind)?.load(channel, log)
    for (const all of this.logs.values()) all.loaded()
  }

  /** @internal */
  failed(error: unknown): void {
    if (this.buses.size === 0) process.emitWarning(error as Error)
    for (const bus of this.buses) {
      bus.guard(() => {
        throw error
      })
    }
  }

  /** @internal */
  logsOf(kind: string | undefined): LocalLogs {
    return ofKind(this.logs, kind)
  }

  /** The engine is away, for all nodes. */
  down(): void {
    this.#isUp = false
    for (const bus of this.buses) bus.engineIs(false)
  }

  /** The engine is back; with `lost`, without any log and with an empty store. */
  up(options: { readonly lost?: boolean } = {}): void {
    if (options.lost) {
      for (const logs of this.logs.values()) logs.lose()
      this.table.lose()
    }
    this.#isUp = true
    for (const bus of this.buses) bus.engineIs(true)
    for (const readers of this.readers.values()) for (const reader of readers) reader.wake()
  }

  /**
   * Listeners are called in turns of their own: never within the publisher's call, and never so long that input and output starve.
   *
   * @internal
   */
  later(call: () => void): void {
    this.#calls.push(call)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // In no publisher's AsyncLocalStorage context: it would be that of the first one, for all.
    inRootContext(() => immediate(this.#run))
  }

  readonly #run = (): void => {
    this.#isScheduled = false
    const calls = this.#calls
    this.#calls = []
    const until = performance.now() + TURN_MS
    for (let at = 0; at < calls.length; at++) {
      ;(calls[at] as () => void)()
      if (at % CALLS_PER_LOOK < CALLS_PER_LOOK - 1 || performance.now() < until) continue
      this.#calls = [...calls.slice(at + 1), ...this.#calls]
      break
    }
    if (this.#calls.length > 0) this.#schedule()
  }
}
