import { once } from 'node:events'
import { addAbortSignal } from 'node:stream'
import { errorText, Fault } from '../command/fault.ts'
import { DONE, FAULT, INTERRUPTED, type Io, verb } from '../command/verb.ts'
import { inputLines } from '../files/input-lines.ts'
import { type Address, addressText, openSocket, parseAddress, tlsFrom, tlsOptions } from '../options/address.ts'
import { commandProtocol, protocolOptions } from '../options/protocol-options.ts'
import { wholeNumber } from '../options/values.ts'
import { Lines } from '../terminal/lines.ts'
import { jsonLine } from '../terminal/printable.ts'
import { Prompt } from '../terminal/prompt.ts'
import { Talk } from '../terminal/talk.ts'
import { parseTyped, typedToMessage } from '../terminal/typed-message.ts'

const form = {
  name: 'send',
  usage: 'HOST:PORT|unix:PATH [MESSAGE...] --schema FILE.proto [options]',
  about: `Sends messages as they are typed, Say {text: "hi"}, and prints what comes back. Without a MESSAGE it reads them
    from standard input, one a line; on a terminal it prompts for them, and Tab completes names.`,
  targets: [0],
  options: {
    ...protocolOptions,
    wait: {
      type: 'string',
      value: 'MS',
      help: 'ends when nothing has come for so long after the last message (default: 1000)',
    },
    replies: { type: 'string', value: 'N', help: 'ends when so many messages have come' },
    timeout: { type: 'string', value: 'MS', help: 'how long connecting may take (default: 10000)' },
    json: { type: 'boolean', help: 'replies as lines of JSON, like qbp decode has them' },
    ...tlsOptions,
  },
  example: `qbp send localhost:7000 'Join {room: "den", name: "ann"}' --schema chat.proto`,
} as const

/** `qbp send`. */
export const run = verb(form, async (values, [target, ...texts], io) => {
  const address = parseAddress(target, 'address')
  const tls = await tlsFrom(values)
  const waitMs = wholeNumber('wait', values.wait ?? '1000')
  const replies = wholeNumber('replies', values.replies ?? String(Number.MAX_SAFE_INTEGER), 1)
  const timeoutMs = wholeNumber('timeout', values.timeout ?? '10000', 1)
  const { protocol, role = 'client', maxBodyBytes } = await commandProtocol(values)
  const lines = new Lines(protocol, io, false)
  const read = async (text: string) => typedToMessage(protocol, role, await parseTyped(text))
  // All of them are read before the first one is sent.
  const messages = await Promise.all(texts.map(read))

  const socket = await reach(address, tls, timeoutMs, io)
  const quiet = new Quiet(waitMs)
  try {
    return await converse()
  } finally {
    // Whatever was thrown, nothing may hold the process.
    quiet.end()
    socket.destroy()
  }

  async function converse(): Promise<number> {
    let prompt: Prompt | undefined
    let came = 0
    const talk = new Talk(protocol, socket, {
      ...{ role, connection: 1, maxBodyBytes },
      show: (event) => {
        const { kind, direction } = event
        if (kind === 'fault' || direction === role) return
        lines.write(values.json === true ? jsonLine(lines.frameOf(event)) : lines.messageText(event))
      },
    })
    talk.onFrame = () => {
      quiet.touch()
      if (++came >= replies) quiet.end()
    }
    socket.on('end', () => talk.end()) // A server that has ended says no more.
    const send = async (text: string) => talk.send(await read(text))
    const closed = talk.closed.then((fault) => {
      prompt?.close()
      return fault
    })

    /** Returns what was wrong, if anything was: nothing is sent after it. */
    const sendLines = async (): Promise<string | undefined> => {
      const gone = new AbortController()
      void closed.then(() => gone.abort())
      let number = 0
      try {
        for await (const line of inputLines(addAbortSignal(AbortSignal.any([io.signal, gone.signal]), io.stdin))) {
          number++
          if (line.trim() === '') continue
          if (socket.destroyed) return `the server has gone: line ${number} and what follows it were not sent.`
          await send(line)
        }
        return undefined
      } catch (error) {
        // Whoever pipes on and on is not waited for where nobody listens.
        if (gone.signal.aborted || io.signal.aborted) return undefined
        return `line ${number}: ${errorText(error as Error)}`
      }
    }
    const finish = async (): Promise<number> => {
      talk.end()
      // A server that does not end in turn is left after a moment.
      const moment = new Quiet(Math.min(waitMs, 200))
      moment.touch()
      const fault = await Promise.race([closed, moment.over])
      moment.end()
      if (fault) throw new Fault(errorText(fault))
      if (came < replies && values.replies !== undefined) throw new Fault(`${came} of ${replies} replies came.`)
      return DONE
    }

    if (texts.length === 0 && io.stdin.isTTY === true) {
      prompt = new Prompt(io, { protocol, sender: role, send })
      lines.write = (line) => prompt?.print(line)
      const interrupted = await prompt.ended
      const code = await finish()
      return interrupted ? INTERRUPTED : code
    }
    io.signal.addEventListener('abort', () => socket.destroy())
    if (texts.length > 0) for (const message of messages) await talk.send(message)
    else {
      const fault = await sendLines()
      if (fault !== undefined) {
        io.stderr.write(`qbp send: ${fault}\n`)
        await finish()
        return FAULT
      }
    }
    quiet.touch()
    await Promise.race([quiet.over, closed])
    return finish()
  }
})

async function reach(address: Address, tls: Parameters<typeof openSocket>[1], timeoutMs: number, io: Io) {
  const socket = openSocket(address, tls)
  const late = AbortSignal.timeout(timeoutMs)
  try {
    await once(socket, tls === undefined ? 'connect' : 'secureConnect', { signal: AbortSignal.any([io.signal, late]) })
    return socket
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    if (late.aborted) throw new Fault(`${addressText(address)} did not answer within ${timeoutMs} ms.`)
    throw error
  }
}

/** Is over when nothing has touched it for so long. */
class Quiet {
  readonly over: Promise<null>
  readonly #ms: number
  #end: (nothing: null) => void = () => {}
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  touch(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end(), this.#ms)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#end(null)
  }
}
