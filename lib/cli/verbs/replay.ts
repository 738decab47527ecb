import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Captured } from '../capture/captured.ts'
import { openFile } from '../capture/open.ts'
import { errorText, Fault, UsageError } from '../command/fault.ts'
import { DONE, FAULT, type Io, verb } from '../command/verb.ts'
import { type Address, openSocket, parseAddress, tlsFrom, tlsOptions } from '../options/address.ts'
import { captureOptions } from '../options/capture-options.ts'
import { portNumber, wholeNumber } from '../options/values.ts'
import { jsonLine } from '../terminal/printable.ts'
import { bytesText } from '../terminal/progress.ts'

const form = {
  name: 'replay',
  usage: 'FILE HOST:PORT|unix:PATH [options]',
  about: `Opens the connections of a recording again and sends what its clients have sent, in the same pieces and with the
    same pauses; then reports of each connection whether the server has answered as it did before, byte for byte.
    FILE is what qbp tap --record has kept, or a pcap. Ends with 1 if an answer differs or the server is not
    reached.`,
  targets: [1],
  options: {
    fast: { type: 'boolean', help: 'without the pauses' },
    wait: {
      type: 'string',
      value: 'MS',
      help: 'how long the server may take for the rest of its answer (default: 2000)',
    },
    json: { type: 'boolean', help: 'a line of JSON for each connection' },
    port: captureOptions.port,
    ...tlsOptions,
  },
  example: `qbp replay monday.tap localhost:7000 --fast`,
} as const

/** `qbp replay`. */
export const run = verb(form, async (values, [file, target, ...more], io) => {
  if (file === undefined) throw new UsageError('no recording is given.')
  const address = parseAddress(target, 'target')
  if (more.length > 0) throw new UsageError(`'${more[0]}' is one argument too many.`)
  const tls = await tlsFrom(values)
  const waitMs = wholeNumber('wait', values.wait ?? '2000')
  const ports = (values.port ?? []).map((text) => portNumber('port', text, 1))
  const connections = new Map<number, Replayed>()
  const start = performance.now()
  let first: number | undefined
  const capture = await openFile(file, io, { direction: 'client', ports })
  if (!capture.hasConnections) throw new Fault(`${file}: this is no recording of qbp tap, and no pcap.`)
  for await (const entry of capture.events) {
    first ??= entry.at
    const due = start + entry.at - first - performance.now()
    if (values.fast !== true && due > 0 && entry.direction === 'client')
      await sleep(due, undefined, { signal: io.signal })
    io.signal.throwIfAborted()
    await step(connections, entry, address, tls)
  }
  const deadline = AbortSignal.any([io.signal, AbortSignal.timeout(waitMs)])
  await Promise.all([...connections.values()].map((each) => each.answered(deadline)))
  if (connections.size === 0) throw new Fault(`${file}: no connection is in it.`)
  const same = [...connections].map(([id, each]) => each.report(id, io, values.json === true))
  return same.every(Boolean) ? DONE : FAULT
})

async function step(
  connections: Map<number, Replayed>,
  { connection, direction, kind, bytes = new Uint8Array(0), error }: Captured,
  address: Address,
  tls: Parameters<typeof openSocket>[1],
): Promise<void> {
  const known = connections.get(connection)
  const replayed = known ?? new Replayed(openSocket(address, tls))
  if (known === undefined) connections.set(connection, replayed)
  if (direction === 'server') {
    if (kind === 'bytes') replayed.expect(bytes)
    else if (kind === 'close') replayed.expectEnd(error)
  } else if (kind === 'bytes') await replayed.send(bytes)
  else if (kind === 'close') replayed.end(error !== undefined)
}

/** One connection that is made again. */
class Replayed {
  readonly #socket: Socket
  readonly #expected: Uint8Array[] = []
  readonly #received: Buffer[] = []
  #sentBytes = 0
  #expectedBytes = 0
  #receivedBytes = 0
  #fault: Error | null = null
  /** How the server's side ended in the recording, if not by an end. */
  #recordedFault: string | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#receivedBytes += chunk.length
      this.#received.push(chunk)
    })
    socket.on('error', (error) => {
      this.#fault ??= error
    })
  }

  expect(bytes: Uint8Array): void {
    this.#expectedBytes += bytes.length
    this.#expected.push(bytes)
  }

  expectEnd(fault: string | undefined): void {
    this.#recordedFault = fault
  }

  async send(bytes: Uint8Array): Promise<void> {
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
    // What was never reached is known as such even where nothing was to come.
    const waits = () => this.#receivedBytes < this.#expectedBytes || socket.connecting
    while (waits() && !socket.readableEnded && !socket.destroyed && !deadline.aborted) {
      const events = ['data', 'end', 'close', 'connect', 'secureConnect']
      await Promise.race(events.map((event) => once(socket, event, { signal: deadline }).catch(() => {})))
    }
    if (socket.connecting) this.#fault ??= new Fault('the server did not answer')
    socket.destroy()
  }

  /** Prints how it went. Returns whether all went as recorded. */
  report(connection: number, io: Io, json: boolean): boolean {
    const [expected, received] = [Buffer.concat(this.#expected), Buffer.concat(this.#received)]
    const differs = expected.findIndex((byte, i) => byte !== received[i])
    const at = differs >= 0 ? differs : received.length > expected.length ? expected.length : undefined
    // A reset that the recording has, too, is as recorded.
    const fault = this.#fault === null || this.#recordedFault !== undefined ? undefined : errorText(this.#fault)
    const same = at === undefined && fault === undefined
    if (json) {
      const sizes = { sent: this.#sentBytes, received: received.length, recorded: expected.length }
      io.stdout.write(`${jsonLine({ connection, ...sizes, same, differsAt: at, fault })}\n`)
      return same
    }
    const outcome = same
      ? 'as recorded'
      : at === undefined
        ? 'not as recorded'
        : `not as recorded (${bytesText(expected.length)}): from byte ${at} on`
    const sizes = `sent ${bytesText(this.#sentBytes)}, received ${bytesText(received.length)}`
    io.stdout.write(`#${connection} ${sizes}, ${outcome}${fault === undefined ? '' : `; ${fault}`}\n`)
    return same
  }
}
