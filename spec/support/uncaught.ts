import { once } from 'node:events'

/** What nobody catches once something was done; mocha, which listens for it as well, does not see it. */
export async function uncaught(act: () => unknown): Promise<unknown> {
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const thrown = once(process, 'uncaughtException')
  try {
    act()
    const [error] = await thrown
    return error
  } finally {
    for (const listener of before) process.on('uncaughtException', listener)
  }
}
