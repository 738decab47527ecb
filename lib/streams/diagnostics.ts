// What can be watched from outside: the channels of node:diagnostics_channel, and the lines of NODE_DEBUG=qbp. Both cost
// nothing while nobody watches. The README lists the channels; `ChannelEvents` has their types.

import { type Channel, channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { debuglog } from 'node:util'
import { codeOf } from '../base/errors.ts'
import type { Traffic } from '../framing/traffic.ts'

const connectionOpen = channel('qbp:connection:open')
const connectionClose = channel('qbp:connection:close')
const connectionRefused = channel('qbp:connection:refused')
const messageRefused = channel('qbp:message:refused')
/** For the paths of every message: to be asked for `hasSubscribers` before anything is made to be published. */
export const messageIn: Channel = channel('qbp:message:in')
export const messageOut: Channel = channel('qbp:message:out')

const log = debuglog('qbp')

/** What the lines tell of a connection. */
interface Watched {
  readonly socket: Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>
  stats(): { byName: { in: Record<string, Traffic>; out: Record<string, Traffic> } }
}

/** Connections are numbered in the order in which lines first told of them. */
const numbers = new WeakMap<object, string>()
let last = 0

function numberOf(connection: object | null): string {
  if (connection === null) return 'a stream'
  const number = numbers.get(connection) ?? `#${++last}`
  numbers.set(connection, number)
  return number
}

function told(fault: unknown): string {
  return fault instanceof Error ? `${codeOf(fault)}: ${fault.message}` : `${codeOf(fault)} ${String(fault)}`
}

export function opened(connection: Watched, role: 'client' | 'server' | null): void {
  if (log.enabled) {
    const { localAddress, localPort, remoteAddress, remotePort } = connection.socket
    const between =
      remoteAddress === undefined ? '' : `, ${localAddress}:${localPort} with ${remoteAddress}:${remotePort}`
    log('%s opened: %s%s', numberOf(connection), role ?? 'no role', between)
  }
  if (connectionOpen.hasSubscribers) connectionOpen.publish({ connection, role })
}

export function closed(connection: Watched, fault: Error | null): void {
  if (log.enabled) {
    const { byName } = connection.stats()
    const sum = (traffic: Record<string, Traffic>): string => {
      const each = Object.values(traffic)
      const [messages, bytes] = [each.reduce((n, t) => n + t.messages, 0), each.reduce((n, t) => n + t.bytes, 0)]
      return `${messages} messages (${bytes} bytes)`
    }
    const outcome = fault === null ? 'clean' : told(fault)
    log('%s closed: %s; in %s, out %s', numberOf(connection), outcome, sum(byName.in), sum(byName.out))
  }
  if (connectionClose.hasSubscribers) connectionClose.publish({ connection, fault })
}

/** A server turned a connection away before there was one, or `connect` got none. */
export function refused(server: object | null, fault: Error): void {
  log('%s: %s', server === null ? 'not connected' : 'a connection was refused', told(fault))
  if (server !== null && connectionRefused.hasSubscribers) connectionRefused.publish({ server, fault })
}

/** A writer refused a message: nothing of it was sent. */
export function refusedMessage(connection: object | null, writer: object, message: unknown, fault: unknown): void {
  if (log.enabled) log('%s refused a message: %s', numberOf(connection), told(fault))
  if (messageRefused.hasSubscribers) messageRefused.publish({ connection, writer, message, fault })
}
