// A gateway of devices that speak one of two versions of a schema, and lose messages: acknowledgements, resends, heartbeats.

import { createServer, Link, Protocol, type ServerConnection } from '../../lib/index.ts'
import { gate1 } from '../../schemas/gate1.ts'
import { gate2 } from '../../schemas/gate2.ts'

const header = 'length(rest):varint type:u8 seq:u32le'
const common = {
  Ack: { type: 3, body: 'empty' },
  Ping: { type: 4, body: 'empty' },
  Pong: { type: 5, body: 'empty' },
} as const
const types = { client: { ...common, Telemetry: 16, Result: 18 }, server: { ...common, Command: 17 } } as const
export const hello = Protocol.from(gate1, { header, types: { client: { Hello: 1 }, server: { HelloAck: 2 } } })
export const v1 = Protocol.from(gate1, { header, unknown: 'skip', types })
export const v2 = Protocol.from(gate2, { header, unknown: 'skip', types })
export const answers = ['Ack', 'Pong', 'Result'] as const

export type Verb = 'reboot' | 'rate'
export type Reading = { device: string; celsius: number }
type Device = { id: string; command?: (verb: Verb, n: number) => Promise<string> }
type Connection = ServerConnection<typeof hello, Device>

export function gateway(
  onReading: (reading: Reading) => void,
  { timeoutMs = 500, tries = 3, heartbeatMs = 10_000 } = {},
) {
  const options = { answers, timeoutMs, tries }
  const ping = { $name: 'Ping', $header: { seq: 0 } } as const
  const heartbeat = { message: ping, intervalMs: heartbeatMs, timeoutMs: heartbeatMs }

  async function serve1(connection: Connection) {
    const { data: device } = connection
    const link = new Link(await connection.goOn(v1, { heartbeat }), options)
    device.command = async (verb, n) => {
      const answer = await link.request({ $name: 'Command', verb, arg: String(n) })
      return answer.$name === 'Result' ? answer.text : answer.$name
    }
    for await (const message of link) {
      if (message.$name === 'Ping') await link.answer(message, { $name: 'Pong' })
      if (message.$name !== 'Telemetry') continue
      onReading({ device: device.id, celsius: message.celsius })
      await link.answer(message, { $name: 'Ack' })
    }
  }

  async function serve2(connection: Connection) {
    const { data: device } = connection
    const link = new Link(await connection.goOn(v2, { heartbeat }), options)
    device.command = async (verb, n) => {
      const what = verb === 'reboot' ? { reboot: { delayS: n } } : { setRate: { perMinute: n } }
      const answer = await link.request({ $name: 'Command', ...what })
      return answer.$name === 'Result' ? answer.text : answer.$name
    }
    for await (const message of link) {
      if (message.$name === 'Ping') await link.answer(message, { $name: 'Pong' })
      if (message.$name !== 'Telemetry') continue
      onReading({ device: device.id, celsius: message.milliCelsius / 1000 })
      await link.answer(message, { $name: 'Ack' })
    }
  }

  const server = createServer(hello, { data: (): Device => ({ id: '' }) }, async (reader, writer, connection) => {
    const message = await reader.readMessage({ timeoutMs: 5000 })
    if (message === null) return
    const version = [2, 1].find((each) => message.versions.includes(each)) ?? 0
    await writer.writeMessage({ $name: 'HelloAck', version, $header: message.$header })
    server.name(connection, message.device)?.destroy()
    connection.data.id = message.device
    if (version > 0) await (version === 1 ? serve1 : serve2)(connection)
  })
  async function command(id: string, verb: Verb, n: number) {
    const device = server.named(id)?.data
    if (device?.command === undefined) throw new Error(`no device ${id}`)
    return device.command(verb, n)
  }
  return { server, command }
}
