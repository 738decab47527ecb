/** What nobody catches once something was done; mocha, which listens for it as well, does not see it. */
export async function uncaught(act: () => unknown): Promise<unknown> {
  const [error] = await allUncaught(1, act)
  return error
}

/** The same, for so many. */
export async function allUncaught(count: number, act: () => unknown): Promise<unknown[]> {
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const errors: unknown[] = []
  try {
    await new Promise<void>((resolve) => {
      process.on('uncaughtException', (error) => {
        errors.push(error)
        if (errors.length === count) resolve()
      })
      act()
    })
    return errors
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  }
}
