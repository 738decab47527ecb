// What can be watched of connections from outside; see streams/diagnostics for messages.

import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Role } from '../base/role.ts'
import type { EndedCall } from '../calls/host.ts'
import type { Traffic } from '../framing/traffic.ts'
import { describeFault, log, numberOf } from '../streams/diagnostics.ts'

const connectionOpen = channel('qbp:connection:open')
const connectionClose = channel('qbp:connection:close')
const connectionRefused = channel('qbp:connection:refused')

const callEnd = channel('qbp:call:end')

/** Whether anybody looks on at calls. */
export const isWatchingCalls = (): boolean => callEnd.hasSubscribers || log.enabled

/** A call has ended, of either side. */
export function reportCall(connection: object, call: EndedCall): void {
  const { side, path, code, ms } = call
  log('%s %s %s: %s after %s ms', numberOf(connection), side, path, code, ms.toFixed(1))
  if (callEnd.hasSubscribers) callEnd.publish({ connection, ...call })
}

/** What the lines say of a connection. */
export interface ReportedConnection {
  readonly id: number
  readonly socket: Duplex & Partial<Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>>
  stats(): { byName: { in: Record<string, Traffic>; out: Record<string, Traffic> } }
}

/** A connection was made on an open duplex. */
export function reportOpen(connection: ReportedConnection, role: Role | null): void {
  if (log.enabled) {
    const { localAddress, localPort, remoteAddress, remotePort } = connection.socket
    const between =
      remoteAddress === undefined ? '' : `, ${localAddress}:${localPort} with ${remoteAddress}:${remotePort}`
    log('%s opened: %s%s', numberOf(connection), role ?? 'no role', between)
  }
  if (connectionOpen.hasSubscribers) connectionOpen.publish({ connection, role })
}

/** It has closed, and its outcome is final. */
export function reportClose(connection: ReportedConnection, fault: Error | null): void {
  if (log.enabled) {
    const { byName } = connection.stats()
    const sum = (traffic: Record<string, Traffic>): string => {
      const each = Object.values(traffic)
      const [messages, bytes] = [each.reduce((n, t) => n + t.messages, 0), each.reduce((n, t) => n + t.bytes, 0)]
      return `${messages} messages (${bytes} bytes)`
    }
    const outcome = fault === null ? 'clean' : describeFault(fault)
    log('%s closed: %s; in %s, out %s', numberOf(connection), outcome, sum(byName.in), sum(byName.out))
  }
  if (connectionClose.hasSubscribers) connectionClose.publish({ connection, fault })
}

/** A server turned a connection away before there was one, or `connect` (no server) got none. */
export function reportRefused(server: object | null, fault: Error): void {
  log('%s: %s', server === null ? 'not connected' : 'a connection was refused', describeFault(fault))
  if (server !== null && connectionRefused.hasSubscribers) connectionRefused.publish({ server, fault })
}

/** A warning of the process, of an error of users' code that nobody would hear of else. `detail` has its stack. */
export function warnOf(cause: Error, where: string): void {
  const warning = new Error(`${where}: ${cause.message}`, { cause })
  process.emitWarning(Object.assign(warning, { name: 'QbpWarning', detail: cause.stack }))
}
