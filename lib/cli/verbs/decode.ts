import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { FrameReader, type ReadFrame } from '../../framing/frame-reader.ts'
import { CallPairs } from '../../window/call-pairs.ts'
import type { Captured } from '../capture/captured.ts'
import { openFile } from '../capture/open.ts'
import { hint } from '../capture/recognise.ts'
import { errorText, UsageError } from '../command/fault.ts'
import { DONE, FAULT, type Io, verb } from '../command/verb.ts'
import { withGuessedHeader } from '../guess/capture.ts'
import { callForm, callOptions } from '../options/call-options.ts'
import { captureForm, captureOptions } from '../options/capture-options.ts'
import { type CommandProtocol, commandProtocol, protocolOptions, senderOf } from '../options/protocol-options.ts'
import { oneOf } from '../options/values.ts'
import { jsonLine } from '../terminal/printable.ts'
import { bytesText, Progress } from '../terminal/progress.ts'
import { shownFrame } from '../terminal/shown-frame.ts'

const form = {
  name: 'decode',
  usage: '[FILE|-] --schema FILE.proto [options]',
  about: `Reads frames, and prints a line of JSON for each: its name and type, where its frame begins and how long its
    body is, and the message in ProtoJSON. FILE is bytes of frames, a recording of qbp tap, a pcap or pcapng, or one
    of these as gzip, hex or base64. Of a capture with connections, each line also says when, on which, and who sent
    it.`,
  options: {
    ...protocolOptions,
    ...captureOptions,
    ...callOptions,
    'on-fault': {
      type: 'string',
      value: 'WHAT',
      help: `at a frame that does not decode: stop (default); skip it; or raw, print it with its body in base64. Nothing can
        be read after a header that is wrong: that always ends a stream.`,
      words: ['stop', 'skip', 'raw'],
    },
  },
  example: 'qbp decode capture.bin --schema chat.proto | jq .message.text',
} as const

/** `qbp decode`. */
export const run = verb(form, async (given, positionals, io) => {
  const [file = '-', ...more] = positionals
  if (more.length > 0) throw new UsageError(`one file at a time: '${more[0]}' is a second one.`)
  const { format, ports } = captureForm(given)
  const values = await withGuessedHeader('decode', given, file, io, { format, ports })
  const onFault = oneOf('on-fault', values['on-fault'] ?? 'stop', ['stop', 'skip', 'raw'])
  const command = await commandProtocol(values, callForm(values))
  const size = file === '-' ? 0 : (await stat(file)).size
  const capture = await openFile(file, io, { format, ports, direction: command.role ?? 'client' })
  if (!capture.hasConnections) senderOf(command)
  const work = new Decoding(command, onFault, capture.hasConnections, io)
  const progress = new Progress(io, () => {
    const share = size > 0 ? ` of ${bytesText(size)}` : ''
    return `${bytesText(capture.bytesRead)}${share}, ${work.frames} frames`
  })
  try {
    for await (const event of capture.events) {
      if (io.signal.aborted) break
      await work.take(event)
      if (work.ended) break
    }
    if (!io.signal.aborted) await work.finish()
  } finally {
    progress.stop()
  }
  return work.broken || (work.faults > 0 && onFault === 'stop') ? FAULT : DONE
})

/** Lines are written in pieces of about this size, in characters. */
const PIECE = 65536

/** One direction of a connection, and how much of it was read. */
interface Direction {
  readonly reader: FrameReader
  reported: boolean
}

/** What was captured to lines. */
class Decoding {
  frames = 0
  faults = 0
  /** Nothing more is to be read. */
  ended = false
  /** A stream could not be read to its end. */
  broken = false
  readonly #command: CommandProtocol
  readonly #onFault: 'stop' | 'skip' | 'raw'
  readonly #hasConnections: boolean
  readonly #io: Io
  readonly #directions = new Map<string, Direction>()
  readonly #calls: CallPairs
  #lines = ''

  constructor(command: CommandProtocol, onFault: 'stop' | 'skip' | 'raw', hasConnections: boolean, io: Io) {
    this.#command = command
    this.#onFault = onFault
    this.#hasConnections = hasConnections
    this.#io = io
    this.#calls = new CallPairs(command.protocol)
  }

  async take(event: Captured): Promise<void> {
    const { kind, bytes, error } = event
    if (this.#command.role !== undefined && event.direction !== this.#command.role) return
    const direction = this.#direction(event)
    const { reader } = direction
    if (kind === 'bytes' && bytes !== undefined) {
      for (const frame of reader.feed(bytes)) {
        this.frames++
        this.#frame(event, frame)
        if (this.ended) return this.#write()
        if (this.#lines.length > PIECE) await this.#write()
      }
    } else if (kind === 'close') {
      if (error === undefined || direction.reported) reader.finish()
      else {
        direction.reported = this.broken = true
        this.#report(event, error)
      }
    }
    if (reader.fault !== null && !direction.reported) this.#break(event, direction)
    await this.#write()
  }

  async finish(): Promise<void> {
    await this.#write()
    if (this.faults > 0 && this.#onFault === 'skip')
      this.#io.stderr.write(`qbp decode: ${this.faults} of ${this.frames} frames did not decode, and were skipped.\n`)
  }

  #direction({ connection, direction }: Captured): Direction {
    const key = `${connection} ${direction}`
    const known = this.#directions.get(key)
    if (known !== undefined) return known
    const { protocol, maxBodyBytes } = this.#command
    const made = { reader: new FrameReader(protocol, direction, maxBodyBytes), reported: false }
    this.#directions.set(key, made)
    return made
  }

  #frame(event: Captured, frame: ReadFrame): void {
    const { protocol } = this.#command
    const json = shownFrame(protocol, event.direction, frame)
    if (json.error !== undefined) {
      this.faults++
      const stops = this.#onFault === 'stop'
      if (stops) this.ended = this.broken = true
      const advice = stops ? ' See --on-fault.' : ''
      this.#report(event, json.error + hint(frame.index, frame.offset, frame.bytes, protocol.header.text) + advice)
      if (this.#onFault !== 'raw') return
    }
    const { at, connection, direction } = event
    const call = this.#calls.see({ at, connection, direction, ...frame, kind: 'frame' })
    const line = { ...json, ...(call && { call }) }
    this.#lines += `${jsonLine(this.#hasConnections ? { at, connection, direction, ...line } : line)}\n`
  }

  /** Nothing can be read after this in the direction; where there are connections, the others go on. */
  #break(event: Captured, direction: Direction): void {
    const { fault } = direction.reader
    if (fault === null) return
    direction.reported = true
    this.broken = true
    const { frame = 0, offset = 0 } = fault
    this.#report(
      event,
      errorText(fault) + hint(frame, offset, direction.reader.rest(), this.#command.protocol.header.text),
    )
    if (!this.#hasConnections || this.#onFault === 'stop') this.ended = true
  }

  #report({ connection, direction }: Captured, text: string): void {
    const place = this.#hasConnections ? `#${connection} ${direction}: ` : ''
    this.#io.stderr.write(`qbp decode: ${place}${text}\n`)
  }

  async #write(): Promise<void> {
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '' && !this.#io.stdout.write(lines)) await once(this.#io.stdout, 'drain', { signal: this.#io.signal })
  }
}
