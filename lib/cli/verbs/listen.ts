import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { other } from '../../base/role.ts'
import type { ReadFrame } from '../../framing/frame-reader.ts'
import { errorText, Fault, UsageError } from '../command/fault.ts'
import { DONE, verb } from '../command/verb.ts'
import { textFile } from '../files/text-file.ts'
import { parseAddress, tlsFrom, tlsOptions } from '../options/address.ts'
import { commandProtocol, protocolOptions } from '../options/protocol-options.ts'
import { Answers } from '../terminal/answers.ts'
import { Lines } from '../terminal/lines.ts'
import { shownFrame } from '../terminal/shown-frame.ts'
import { Talk } from '../terminal/talk.ts'

const form = {
  name: 'listen',
  usage: '[HOST:]PORT|unix:PATH --schema FILE.proto [options]',
  about: `Accepts connections and prints what arrives: the time, the connection, the message, its frame's size; and what
    is answered.`,
  options: {
    ...protocolOptions,
    echo: { type: 'boolean', help: 'answer every message with itself' },
    answer: {
      type: 'string',
      value: 'FILE',
      help: `answer from a file of lines, Say -> Said {text: "$text"}: what arrives, and a message to answer with, where
        '$text' is the field of what arrived; 'open' is a new connection, '*' any other`,
    },
    once: { type: 'boolean', help: 'end when the first connection has closed' },
    json: { type: 'boolean', help: 'lines of JSON' },
    tls: { type: 'boolean', help: 'speak TLS: --cert and --key are needed' },
    cert: tlsOptions.cert,
    key: tlsOptions.key,
  },
  example: `qbp listen 7000 --schema chat.proto --echo`,
} as const

/** `qbp listen`. */
export const run = verb(form, async (values, [place, ...more], io) => {
  const address = parseAddress(place, 'address to listen at')
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one address too many.`)
  if (values.echo && values.answer !== undefined) throw new UsageError('--echo and --answer exclude each other.')
  const tlsForm = await tlsFrom(values)
  if (tlsForm !== undefined && values.cert === undefined)
    throw new UsageError('--tls needs --cert FILE and --key FILE.')
  const { protocol, role = 'server', maxBodyBytes } = await commandProtocol(values)
  const from = other(role)
  const answers =
    values.answer === undefined
      ? undefined
      : await Answers.parse(await textFile(values.answer), protocol, role).catch((error: Error) => {
          throw new Fault(`${values.answer}: ${error.message}`)
        })
  const lines = new Lines(protocol, io, values.json === true)
  const over = new AbortController()
  const sockets = new Set<net.Socket>()

  const answer = async (talk: Talk, frame: ReadFrame): Promise<void> => {
    if (frame.message === undefined || frame.name === null) return
    if (values.echo) await talk.send(frame.message)
    const { message, body } = shownFrame(protocol, from, frame)
    for (const reply of answers?.to(frame.name, message ?? { body }) ?? []) await talk.send(reply)
  }
  const serve = (socket: net.Socket, connection: number): void => {
    sockets.add(socket)
    const event = { connection, direction: from } as const
    const peer = `${socket.remoteAddress ?? 'unix'}${socket.remotePort === undefined ? '' : `:${socket.remotePort}`}`
    lines.show({ ...event, at: Date.now(), kind: 'open', peer })
    const talk = new Talk(protocol, socket, { role, connection, maxBodyBytes, show: (each) => lines.show(each) })
    // What cannot be answered is reported, and the conversation goes on.
    const failed = (error: Error): void => {
      io.stderr.write(`qbp listen: #${connection}: ${errorText(error)}\n`)
    }
    let answered = Promise.resolve()
    const then = (act: () => Promise<void>) => {
      answered = answered.then(act).catch(failed)
    }
    then(async () => {
      for (const reply of answers?.to('open') ?? []) await talk.send(reply)
    })
    talk.onFrame = (frame) => then(() => answer(talk, frame))
    socket.on('end', () => then(async () => talk.end()))
    void talk.closed.then((fault) => {
      sockets.delete(socket)
      lines.show({ ...event, at: Date.now(), kind: 'close', ...(fault && { error: errorText(fault) }) })
      if (values.once) over.abort()
    })
  }

  let connections = 0
  const accept = (socket: net.Socket) => serve(socket, ++connections)
  const socketOptions = { allowHalfOpen: true, noDelay: true }
  const server = tlsForm
    ? tls.createServer({ ...(tlsForm as tls.TlsOptions), ...socketOptions }, accept)
    : net.createServer(socketOptions, accept)
  server.on('tlsClientError', (error: Error) => io.stderr.write(`qbp listen: ${errorText(error)}\n`))
  server.listen(address)
  await once(server, 'listening', { signal: io.signal })
  const at = server.address()
  io.stderr.write(`Listening at ${typeof at === 'string' ? at : `${at?.address}:${at?.port}`}.\n`)
  const ended = AbortSignal.any([io.signal, over.signal])
  if (!ended.aborted) await once(ended, 'abort')
  for (const socket of sockets) socket.destroy()
  server.close()
  return DONE
})
