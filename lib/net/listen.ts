import type { ListenOptions } from 'node:net'

/**
 * How many connections may wait to be accepted; the system may allow fewer. Node's own 511 is too few where a thousand clients
 * come back at once: up to Node 20 libuv accepts one in each turn of the event loop, the system drops the others' requests,
 * and they try again after 1, 3 and 7 s.
 */
const BACKLOG = 4_096

/** The arguments of net.Server's `listen`, with a backlog where they have none. */
export function withBacklog(args: readonly unknown[]): [options: ListenOptions, listening?: () => void] {
  const listening = args.find((each) => typeof each === 'function') as (() => void) | undefined
  const [where, ...others] = args
  const rest: [listening?: () => void] = listening === undefined ? [] : [listening]
  if (typeof where === 'object' && where !== null) return [{ backlog: BACKLOG, ...where }, ...rest]
  const host = others.find((each) => typeof each === 'string') as string | undefined
  const backlog = (others.find((each) => typeof each === 'number') as number | undefined) ?? BACKLOG
  if (typeof where === 'string' && Number.isNaN(Number(where))) return [{ path: where, backlog }, ...rest]
  const port = typeof where === 'function' ? 0 : Number(where ?? 0)
  return [{ port, backlog, ...(host === undefined ? {} : { host }) }, ...rest]
}
