/** What nobody catches once something was done; mocha, which listens for it as well, does not see it. */
export async function uncaught(act: () => unknown): Promise<unknown> {
  const [error] = await allUncaught(1, act)
  return error
}

// An unhandled rejection is an uncaught exception where nobody listens for it, but not on Bun.
const EVENTS = ['uncaughtException', 'unhandledRejection']

/** The same, for so many. */
export async function allUncaught(count: number, act: () => unknown): Promise<unknown[]> {
  const before = EVENTS.map((event) => [event, process.rawListeners(event)] as const)
  for (const event of EVENTS) process.removeAllListeners(event)
  const errors: unknown[] = []
  try {
    await new Promise<void>((resolve) => {
      const note = (error: unknown) => {
        errors.push(error)
        if (errors.length === count) resolve()
      }
      for (const event of EVENTS) process.on(event, note)
      act()
    })
    return errors
  } finally {
    for (const [event, listeners] of before) {
      process.removeAllListeners(event)
      for (const listener of listeners) process.on(event, listener as (...args: unknown[]) => void)
    }
  }
}
