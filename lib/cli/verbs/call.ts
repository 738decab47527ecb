import { addAbortSignal } from 'node:stream'
import { listed } from '../../base/listed.ts'
import { nearest } from '../../base/nearest.ts'
import { CallError, type ConnectOptions, connect, type Protocol } from '../../index.ts'
import type { MethodType, ServiceType } from '../../protocol/method.ts'
import { describeSource } from '../../protocol/schema/load.ts'
import { parseJson } from '../../protojson/parse-json.ts'
import { Fault, UsageError } from '../command/fault.ts'
import { DONE, type Io, verb } from '../command/verb.ts'
import { inputLines } from '../files/input-lines.ts'
import { parseAddress, tlsFrom, tlsOptions } from '../options/address.ts'
import { callForm, callOptions } from '../options/call-options.ts'
import { commandProtocol, loadOptions, protocolOptions } from '../options/protocol-options.ts'
import { wholeNumber } from '../options/values.ts'
import { parseJson5 } from '../terminal/json5.ts'
import { jsonLine, printable } from '../terminal/printable.ts'

const form = {
  name: 'call',
  usage: 'HOST:PORT|unix:PATH SERVICE/METHOD [REQUEST...] --schema FILE.proto [options]',
  about: `Calls a method of a service and prints its answers, a line of JSON each. A request is its fields, {name: "ann"}; a
    method whose requests are a stream takes several, or reads them from standard input, a line of JSON each, as they come.
    A call that fails ends with 1, and its code and text.`,
  targets: [0],
  options: {
    ...protocolOptions,
    ...callOptions,
    metadata: { type: 'string', multiple: true, value: 'NAME=VALUE', help: 'goes with the call; may be repeated' },
    timeout: {
      type: 'string',
      value: 'MS',
      help: 'how long the call may take, connecting included (default: for ever)',
    },
    ...tlsOptions,
  },
  example: `qbp call localhost:7000 Accounts/Open '{name: "ann"}' --schema accounts.proto
qbp call unix:/run/containerd/shim.sock Task/Connect --dialect ttrpc --schema shim.proto`,
} as const

/** `qbp call`. */
export const run = verb(form, async (values, [target, path, ...texts], io) => {
  const address = parseAddress(target, 'address')
  const tls = await tlsFrom(values)
  const timeoutMs = values.timeout === undefined ? undefined : wholeNumber('timeout', values.timeout, 1)
  if (values.schema === undefined) throw new UsageError('no schema is given: --schema FILE.proto.')
  const metadata = metadataOf(values.metadata)
  const {
    protocol,
    role = 'client',
    maxBodyBytes,
  } = await commandProtocol(values, {
    ...callForm({ dialect: 'qbp', ...values }),
    unknown: 'raw',
  })
  if (role !== 'client') throw new UsageError('who calls is a client here: --role client.')
  const { description, package: home } = await describeSource(values.schema, loadOptions(values))
  const services = Object.keys(description.services).map((name) => protocol.service(name))
  const { service, key, method } = methodOf(services, values.package ?? home, path)
  if (!method.requestStream && texts.length > 1)
    throw new UsageError(`'${texts[1]}' is a second request, and ${method.path} takes one.`)
  const requests = await Promise.all(texts.map((text) => requestOf(protocol, method, text)))

  const signal = timeoutMs === undefined ? io.signal : AbortSignal.any([io.signal, AbortSignal.timeout(timeoutMs)])
  const options = { ...address, maxBodyBytes, signal, ...(tls && { tls }) }
  const connection = await connect(protocol, options as ConnectOptions)
  connection.reader.on('error', () => {}) // The call says what was wrong.
  connection.reader.resume() // Pushed messages are nobody's here.
  const settings = {
    signal: io.signal,
    metadata,
    ...(timeoutMs !== undefined && { timeoutMs }),
  }
  const print = (answer: object) =>
    io.stdout.write(`${jsonLine(protocol.protoJson({ unknownFields: true }).toJson(method.response.type, answer))}\n`)
  const call = connection.client(service)[key] as (request: unknown, settings: object) => unknown
  try {
    const request = !method.requestStream
      ? (requests[0] ?? {})
      : texts.length > 0
        ? requests
        : requestLines(protocol, method, io)
    const answers = call(request, settings)
    if (method.responseStream) for await (const answer of answers as AsyncIterable<object>) print(answer)
    else print((await answers) as object)
    return DONE
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    // A request that does not read is ours, whatever the call says of it.
    if (error.cause instanceof Fault) throw error.cause
    throw new Fault(`${error.code}: ${printable(error.message)}`, { cause: error })
  } finally {
    await connection.close({ graceMs: 500 })
  }
})

/** The method that `Service/Method` means, names in full or not. @throws {UsageError} with those that there are. */
function methodOf(
  services: readonly ServiceType[],
  home: string,
  path: string | undefined,
): { service: string; key: string; method: MethodType } {
  const all = services.flatMap(({ fullName, methods }) =>
    [...methods].map(([key, method]) => ({ service: fullName, key, method })),
  )
  const short = (full: string) => (home !== '' && full.startsWith(`${home}.`) ? full.slice(home.length + 1) : full)
  const wanted = path?.replace(/^\//, '')
  const found =
    all.find(({ method }) => method.path === wanted) ?? all.find(({ method }) => short(method.path) === wanted)
  if (found !== undefined) return found
  const paths = all.map(({ method }) => short(method.path))
  const there = `there are ${listed(paths) || 'none in this schema'}`
  if (wanted === undefined) throw new UsageError(`no method is given: ${there}.`)
  const meant = nearest(wanted, paths)
  throw new UsageError(`there is no method '${path}'; ${meant === undefined ? there : `did you mean ${meant}?`}`)
}

async function requestOf(protocol: Protocol, method: MethodType, text: string): Promise<object> {
  let json: unknown
  try {
    json = await parseJson5(text)
  } catch (error) {
    throw new Fault(`the request does not read: ${(error as Error).message}.`, { cause: error })
  }
  return protocol.protoJson({ unknownFields: true }).fromJson(method.request.type, json)
}

/** Requests from standard input, as they come. */
async function* requestLines(protocol: Protocol, method: MethodType, io: Io): AsyncGenerator<object> {
  let line = 0
  for await (const text of inputLines(addAbortSignal(io.signal, io.stdin))) {
    line++
    if (text.trim() === '') continue
    try {
      yield protocol.protoJson({ unknownFields: true }).fromJson(method.request.type, parseJson(text))
    } catch (error) {
      throw new Fault(`line ${line}: ${(error as Error).message}`, { cause: error })
    }
  }
}

function metadataOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`--metadata is '${pair}'; it may be NAME=VALUE.`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
