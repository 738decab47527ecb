import { AsyncLocalStorage } from 'node:async_hooks'

/** A mark on the calls of a function: what such a call leads to, over whatever it awaits, sees that it does. */
export interface CallerMark<A> {
  /** Calls the function under the mark. */
  run(argument: A): void
  /** Whether a call under the mark has led here. */
  readonly isCaller: boolean
}

/** What a call threw, or rejected with. */
interface Thrown {
  readonly thrown: unknown
}

/** What hears of a call's end: null where it has returned. */
type Ended<A> = (argument: A, failure: Thrown | null) => void

/**
 * A mark of the kind that works on this runtime.
 *
 * @param ended is called after each call, under no mark.
 */
export function callerMark<A>(act: (argument: A) => unknown, ended: Ended<A>): CallerMark<A> {
  return showsNames ? new NameMark(act, ended) : new ContextMark(act, ended)
}

let marks = 0

/**
 * The mark is the name of a function, looked for among those that led here: V8 follows a promise to what awaits it. An
 * AsyncLocalStorage would slow every promise of the process on Node 20.
 *
 * A call waits for as long as its connection is open: nothing is made for its end before that comes.
 */
class NameMark<A> implements CallerMark<A> {
  readonly #name = `qbp caller ${++marks}`
  readonly run: CallerMark<A>['run']

  constructor(act: (argument: A) => unknown, ended: Ended<A>) {
    const named = {
      [this.#name]: async (argument: A) => {
        let failure: Thrown | null = null
        try {
          await act(argument)
        } catch (thrown) {
          failure = { thrown }
        }
        unmarked(ended, argument, failure)
      },
    }
    this.run = named[this.#name] as CallerMark<A>['run']
  }

  get isCaller(): boolean {
    return callers().includes(this.#name)
  }
}

/** Calls back in a turn of its own, to which no function has led. */
function unmarked<A>(ended: Ended<A>, argument: A, failure: Thrown | null): void {
  void Promise.resolve().then(() => ended(argument, failure))
}

/**
 * For engines whose stacks lack names that a program has made, such as Bun's. What a call has begun and does not await is under the
 * mark, too.
 */
class ContextMark<A> implements CallerMark<A> {
  readonly #storage = new AsyncLocalStorage<true>()
  readonly #act: (argument: A) => unknown
  readonly #ended: Ended<A>

  constructor(act: (argument: A) => unknown, ended: Ended<A>) {
    this.#act = act
    this.#ended = ended
  }

  run(argument: A): void {
    const call = this.#storage.run(true, async () => {
      await this.#act(argument)
    })
    call.then(
      () => this.#ended(argument, null),
      (thrown) => this.#ended(argument, { thrown }),
    )
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
  const mark: NameMark<null> = new NameMark(
    () => {
      shows = mark.isCaller
    },
    () => {},
  )
  mark.run(null)
  return shows
})()
