import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { UsageError } from '../command/fault.ts'
import { DONE, FAULT, type Io, verb } from '../command/verb.ts'
import { type Address, openSocket, parseAddress, tlsFrom, tlsOptions } from '../options/address.ts'
import { wholeNumber } from '../options/values.ts'
import { type Recorded, readRecording } from '../tap/recording.ts'
import { bytesText } from '../terminal/progress.ts'

const form = {
  name: 'replay',
  usage: 'FILE HOST:PORT|unix:PATH [options]',
  about: `Opens the connections of a recording again and sends what its clients have sent, in the same pieces and with the same pauses; then reports of each connection whether the server has answered as it did before, byte for byte.`,
  options: {
    fast: { type: 'boolean', help: 'without the pauses' },
    wait: {
      type: 'string',
      value: 'MS',
      help: 'how long the server may take for the rest of its answer (default: 2000)',
    },
    json: { type: 'boolean', help: 'a line of JSON for each connection' },
    ...tlsOptions,
  },
  example: `qbp replay monday.tap localhost:7000 --fast`,
} as const

/** `qbp replay`. */
export const run = verb(form, async (values, [file, target, ...more], io) => {
  if (file === undefined) throw new UsageError('no recording is given.')
  const address = parseAddress(target, 'target')
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many.`)
  const tls = tlsFrom(values)
  const waitMs = wholeNumber('wait', values.wait ?? '2000')
  const connections = new Map<number, Replayed>()
  const start = performance.now()
  let first: number | undefined
  for await (const entry of readRecording(file)) {
    first ??= entry.at
    const due = start + entry.at - first - performance.now()
    if (values.fast !== true && due > 0 && entry.direction === 'client')
      await sleep(due, undefined, { signal: io.signal })
    io.signal.throwIfAborted()
    await step(connections, entry, address, tls)
  }
  const deadline = AbortSignal.any([io.signal, AbortSignal.timeout(waitMs)])
  await Promise.all([...connections.values()].map((each) => each.answered(deadline)))
  for (const [id, each] of connections) each.report(id, io, values.json === true)
  return [...connections.values()].every(({ fault }) => fault === null) ? DONE : FAULT
})

async function step(
  connections: Map<number, Replayed>,
  { connection, direction, kind, bytes = '', error }: Recorded,
  address: Address,
  tls: Parameters<typeof openSocket>[1],
): Promise<void> {
  const known = connections.get(connection)
  const replayed = known ?? new Replayed(openSocket(address, tls))
  if (known === undefined) connections.set(connection, replayed)
  if (direction === 'server') {
    if (kind === 'bytes') replayed.expect(Buffer.from(bytes, 'base64'))
  } else if (kind === 'bytes') await replayed.send(Buffer.from(bytes, 'base64'))
  else if (kind === 'close') replayed.end(error !== undefined)
}

/** One connection that is made again. */
class Replayed {
  fault: string | null = null
  readonly #socket: Socket
  readonly #expected: Buffer[] = []
  readonly #received: Buffer[] = []
  #sentBytes = 0
  #expectedBytes = 0
  #receivedBytes = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#receivedBytes += chunk.length
      this.#received.push(chunk)
    })
    socket.on('error', (error) => {
      this.fault ??= error.message
    })
  }

  expect(bytes: Buffer): void {
    this.#expectedBytes += bytes.length
    this.#expected.push(bytes)
  }

  async send(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed) return
    this.#sentBytes += bytes.length
    if (this.#socket.write(bytes)) return
    await Promise.race([once(this.#socket, 'drain').catch(() => {}), once(this.#socket, 'close')])
  }

  end(reset: boolean): void {
    if (reset) this.#socket.resetAndDestroy()
    else this.#socket.end()
  }

  /** Resolves when as much has come as was recorded, or the server has ended, or time is up. */
  async answered(deadline: AbortSignal): Promise<void> {
    const socket = this.#socket
    while (
      this.#receivedBytes < this.#expectedBytes &&
      !socket.readableEnded &&
      !socket.destroyed &&
      !deadline.aborted
    ) {
      await Promise.race(
        ['data', 'end', 'close'].map((event) => once(socket, event, { signal: deadline }).catch(() => {})),
      )
    }
    socket.destroy()
  }

  report(connection: number, io: Io, json: boolean): void {
    const [expected, received] = [Buffer.concat(this.#expected), Buffer.concat(this.#received)]
    const differs = expected.findIndex((byte, i) => byte !== received[i])
    const at = differs >= 0 ? differs : received.length > expected.length ? expected.length : undefined
    if (json) {
      const { fault } = this
      const sizes = { sent: this.#sentBytes, received: received.length, recorded: expected.length }
      io.stdout.write(
        `${JSON.stringify({ connection, ...sizes, same: at === undefined, differsAt: at, fault: fault ?? undefined })}\n`,
      )
      return
    }
    const same =
      at === undefined ? 'as recorded' : `not as recorded (${bytesText(expected.length)}): from byte ${at} on`
    const fault = this.fault === null ? '' : `; ${this.fault}`
    io.stdout.write(
      `#${connection} sent ${bytesText(this.#sentBytes)}, received ${bytesText(received.length)}, ${same}${fault}\n`,
    )
  }
}
