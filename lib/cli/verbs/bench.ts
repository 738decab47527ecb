import { createHistogram } from 'node:perf_hooks'
import { type ConnectOptions, connect, type QbpConnection } from '../../index.ts'
import { Fault, UsageError } from '../command/fault.ts'
import { DONE, INTERRUPTED, verb } from '../command/verb.ts'
import { parseAddress, tlsFrom, tlsOptions } from '../options/address.ts'
import { commandProtocol, protocolOptions } from '../options/protocol-options.ts'
import { wholeNumber } from '../options/values.ts'
import { painter } from '../terminal/lines.ts'
import { Progress } from '../terminal/progress.ts'
import { parseTyped, typedToMessage } from '../terminal/typed-message.ts'

const form = {
  name: 'bench',
  usage: 'HOST:PORT|unix:PATH MESSAGE --schema FILE.proto [options]',
  about: `Sends one message again and again, waits for a reply to each, and prints how many there were in a second and how
    long they took.`,
  targets: [0],
  options: {
    ...protocolOptions,
    'one-way': { type: 'boolean', help: 'send without waiting for replies; what comes is dropped' },
    duration: { type: 'string', value: 'S', help: 'how long, in seconds (default: 5)' },
    count: { type: 'string', value: 'N', help: 'and how many messages at most' },
    connections: { type: 'string', value: 'N', help: 'at a time (default: 1)' },
    pipeline: { type: 'string', value: 'N', help: 'messages of one connection on their way at a time (default: 1)' },
    json: { type: 'boolean', help: 'the result as JSON' },
    ...tlsOptions,
  },
  example: `qbp bench localhost:7000 'Say {room: "den", text: "hi"}' --schema chat.proto`,
} as const

/** `qbp bench`. */
export const run = verb(form, async (values, [target, text, ...more], io) => {
  const address = parseAddress(target, 'address')
  if (text === undefined) throw new UsageError(`no message is given, such as 'Say {text: "hi"}'.`)
  if (more.length > 0) throw new UsageError(`'${more[0]}' is a second message.`)
  const seconds = Number(values.duration ?? '5')
  if (!(seconds > 0 && seconds <= 86_400))
    throw new UsageError(`--duration is '${values.duration}'; it may be up to 86400 seconds.`)
  const count = wholeNumber('count', values.count ?? String(Number.MAX_SAFE_INTEGER), 1)
  const connections = wholeNumber('connections', values.connections ?? '1', 1)
  const pipeline = wholeNumber('pipeline', values.pipeline ?? '1', 1)
  const tls = await tlsFrom(values)
  const { protocol, role = 'client', maxBodyBytes } = await commandProtocol(values, { unknown: 'raw', invalid: 'raw' })
  if (role !== 'client') throw new UsageError('a bench is a client: --role client.')
  const message = typedToMessage(protocol, 'client', await parseTyped(text))

  const reach = (): Promise<QbpConnection> =>
    connect(protocol, { ...address, maxBodyBytes, signal: io.signal, ...(tls && { tls }) } as ConnectOptions)
  const opened = await Promise.all(Array.from({ length: connections }, reach))
  const latencies = createHistogram({ figures: 3 })
  const work = { started: 0, done: 0, over: false }
  const progress = new Progress(io, () => `${work.done} messages`)
  const start = performance.now()
  const timer = setTimeout(() => {
    work.over = true
  }, seconds * 1000)
  const begin = (): boolean => !work.over && !io.signal.aborted && work.started < count && ++work.started > 0
  // A server that stops answering ends the bench, too.
  const stop = () => {
    for (const connection of opened) connection.destroy()
  }
  const late = setTimeout(stop, seconds * 1000 + 2_000)
  io.signal.addEventListener('abort', stop)

  const oneWay = async ({ reader, writer }: QbpConnection): Promise<void> => {
    reader.resume()
    while (begin()) {
      await writer.writeMessage(message)
      work.done++
      // writeMessage() resolves at once while there is room: let sockets and timers have their turn.
      if (work.done % 256 === 0) await new Promise(setImmediate)
    }
  }
  const roundTrips = async ({ reader, writer }: QbpConnection): Promise<void> => {
    const sent: bigint[] = []
    const next = (): boolean => {
      if (!begin()) return false
      sent.push(process.hrtime.bigint())
      writer.write(message)
      return true
    }
    for (let i = 0; i < pipeline && next(); i++);
    while (sent.length > 0) {
      if ((await reader.readMessage()) === null) throw new Fault('the server ended before it had answered.')
      latencies.record(process.hrtime.bigint() - (sent.shift() as bigint))
      work.done++
      next()
    }
  }
  const outcomes = await Promise.allSettled(opened.map(values['one-way'] ? oneWay : roundTrips))
  const elapsedMs = performance.now() - start
  clearTimeout(timer)
  clearTimeout(late)
  progress.stop()
  const bytes = opened.reduce((sum, connection) => sum + connection.stats().bytesOut, 0)
  await Promise.all(opened.map((connection) => connection.close({ graceMs: 2_000 })))
  const result = {
    messages: work.done,
    seconds: round(elapsedMs / 1000),
    messagesPerSecond: Math.round((work.done / elapsedMs) * 1000),
    bytesPerSecond: Math.round((bytes / elapsedMs) * 1000),
    ...(latencies.count > 0 && {
      p50Ms: round(latencies.percentile(50) / 1e6),
      p90Ms: round(latencies.percentile(90) / 1e6),
      p99Ms: round(latencies.percentile(99) / 1e6),
      maxMs: round(latencies.max / 1e6),
    }),
  }
  if (values.json) io.stdout.write(`${JSON.stringify(result)}\n`)
  else {
    const paint = painter(io)
    const unit = values['one-way'] ? 'messages' : 'round trips'
    io.stdout.write(
      `${result.messages} ${unit} in ${result.seconds} s: ${paint('bold', `${result.messagesPerSecond} a second`)}\n`,
    )
    if (result.p50Ms !== undefined) {
      io.stdout.write(
        `p50 ${result.p50Ms} ms  p90 ${result.p90Ms} ms  p99 ${result.p99Ms} ms  max ${result.maxMs} ms\n`,
      )
    }
  }
  if (io.signal.aborted) return INTERRUPTED
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return DONE
})

const round = (number: number): number => Number(number.toPrecision(4))
