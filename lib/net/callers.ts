import { AsyncLocalStorage } from 'node:async_hooks'

/** A mark on the calls of a function: what such a call leads to, over whatever it awaits, sees that it does. */
export interface CallerMark<A> {
  /** Calls the function under the mark; the promise is that of the call's end. */
  run(argument: A): Promise<void>
  /** Whether a call under the mark has led here. */
  readonly isCaller: boolean
}

/** A mark of the kind that works on this runtime. */
export function callerMark<A>(act: (argument: A) => unknown): CallerMark<A> {
  return showsNames ? new NameMark(act) : new ContextMark(act)
}

let marks = 0

/**
 * The mark is the name of a function, looked for among those that led here: V8 follows a promise to what awaits it. An
 * AsyncLocalStorage would slow every promise of the process on Node 20.
 */
class NameMark<A> implements CallerMark<A> {
  readonly #name = `qbp caller ${++marks}`
  readonly run: CallerMark<A>['run']

  constructor(act: (argument: A) => unknown) {
    const named = {
      [this.#name]: async (argument: A) => {
        await act(argument)
      },
    }
    this.run = named[this.#name] as CallerMark<A>['run']
  }

  get isCaller(): boolean {
    return callers().includes(this.#name)
  }
}

/**
 * For engines whose stacks lack names that a program has made, such as Bun's. What a call has begun and does not await is under the
 * mark, too.
 */
class ContextMark<A> implements CallerMark<A> {
  readonly #storage = new AsyncLocalStorage<true>()
  readonly #act: (argument: A) => unknown

  constructor(act: (argument: A) => unknown) {
    this.#act = act
  }

  run(argument: A): Promise<void> {
    return this.#storage.run(true, async () => {
      await this.#act(argument)
    })
  }

  get isCaller(): boolean {
    return this.#storage.getStore() === true
  }
}

/** The names of the functions that led here, those that await the others among them. Empty where an engine gives no stack. */
function callers(): readonly (string | null)[] {
  const { stackTraceLimit, prepareStackTrace } = Error
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY
    Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunctionName())
    const names: unknown = new Error().stack
    return Array.isArray(names) ? names : []
  } catch {
    return [] // Error is frozen.
  } finally {
    try {
      Object.assign(Error, { stackTraceLimit, prepareStackTrace })
    } catch {}
  }
}

/** Whether a name that was made at run time stands in a stack. */
const showsNames = ((): boolean => {
  let shows = false
  const mark: NameMark<null> = new NameMark(() => {
    shows = mark.isCaller
  })
  void mark.run(null)
  return shows
})()
