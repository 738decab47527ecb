import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { FrameReader, type ReadFrame } from '../../framing/frame-reader.ts'
import { type FrameJson, frameToJson } from '../../protojson/frame-json.ts'
import { base64 } from '../../protojson/scalars.ts'
import { UsageError } from '../command/fault.ts'
import { DONE, FAULT, type Io, verb } from '../command/verb.ts'
import { type CommandProtocol, commandProtocol, protocolOptions, senderOf } from '../options/protocol-options.ts'
import { oneOf } from '../options/values.ts'
import { bytesText, Progress } from '../terminal/progress.ts'

/** Lines are written in pieces of about this size, in characters. */
const PIECE = 65536

const form = {
  name: 'decode',
  usage: '[FILE|-] --schema FILE.proto [options]',
  about: `Reads frames, and prints a line of JSON for each: its name and type, where its frame begins and how long its body is, and the message in ProtoJSON.`,
  options: {
    ...protocolOptions,
    'on-fault': {
      type: 'string',
      value: 'WHAT',
      help: `at a frame that does not decode: stop (default); skip it; or raw, print it with its body in base64. Nothing can
        be read after a header that is wrong: that always ends it.`,
      words: ['stop', 'skip', 'raw'],
    },
  },
  example: `qbp decode capture.bin --schema chat.proto | jq .message.text`,
} as const

/** `qbp decode`. */
export const run = verb(form, async (values, positionals, io) => {
  const [file = '-', ...more] = positionals
  if (more.length > 0) throw new UsageError(`one file at a time: '${more[0]}' is a second one.`)
  const onFault = oneOf('on-fault', values['on-fault'] ?? 'stop', ['stop', 'skip', 'raw'])
  const command = await commandProtocol(values)
  const size = file === '-' ? 0 : (await stat(file)).size
  const input = addAbortSignal(io.signal, file === '-' ? io.stdin : createReadStream(file, { highWaterMark: 2 ** 18 }))
  const work = new Decoding(command, onFault, io)
  const progress = new Progress(io, () => {
    const share = size > 0 ? ` of ${bytesText(size)}` : ''
    return `${bytesText(work.bytes)}${share}, ${work.frames} frames`
  })
  try {
    for await (const chunk of input) {
      await work.read(chunk as Buffer)
      if (work.ended || io.signal.aborted) break
    }
    await work.finish()
  } finally {
    progress.stop()
  }
  return work.faults > 0 && (work.ended || onFault === 'stop') ? FAULT : DONE
})

/** Frames to lines, from chunk to chunk. */
class Decoding {
  bytes = 0
  frames = 0
  faults = 0
  /** Nothing more is to be read. */
  ended = false
  readonly #command: CommandProtocol
  readonly #reader: FrameReader
  readonly #onFault: 'stop' | 'skip' | 'raw'
  readonly #io: Io
  #lines = ''

  constructor(command: CommandProtocol, onFault: 'stop' | 'skip' | 'raw', io: Io) {
    this.#command = command
    this.#reader = new FrameReader(command.protocol, senderOf(command), command.maxBodyBytes)
    this.#onFault = onFault
    this.#io = io
  }

  async read(chunk: Uint8Array): Promise<void> {
    this.bytes += chunk.length
    for (const frame of this.#reader.feed(chunk)) {
      this.frames++
      const json = frame.error === undefined ? this.#json(frame) : this.#faulty(frame)
      if (this.ended) return this.#write()
      if (json !== undefined) this.#lines += `${JSON.stringify(json)}\n`
      if (this.#lines.length > PIECE) await this.#write()
    }
    if (this.#reader.fault !== null) this.#end(this.#reader.fault)
    await this.#write()
  }

  async finish(): Promise<void> {
    if (this.ended || this.#io.signal.aborted) return
    this.#reader.finish()
    if (this.#reader.fault !== null) this.#end(this.#reader.fault)
  }

  #json(frame: ReadFrame): FrameJson {
    return frameToJson(this.#command.protocol, senderOf(this.#command), { ...frame, body: bodyOf(frame) })
  }

  #faulty({ type, offset, length, bytes, error }: ReadFrame): FrameJson | undefined {
    if (this.#onFault === 'stop') this.#end(error as Error)
    else this.#tell(error as Error)
    if (this.#onFault !== 'raw') return undefined
    const body = base64(bodyOf({ bytes, length }))
    return { name: null, type, offset, length, body, error: (error as Error).message }
  }

  #end(fault: Error): void {
    this.ended = true
    this.#tell(fault)
  }

  #tell({ message }: Error): void {
    this.faults++
    this.#io.stderr.write(`qbp decode: ${message}\n`)
  }

  async #write(): Promise<void> {
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '' && !this.#io.stdout.write(lines)) await once(this.#io.stdout, 'drain', { signal: this.#io.signal })
  }
}

/** The body of a frame. */
const bodyOf = ({ bytes, length }: Pick<ReadFrame, 'bytes' | 'length'>): Uint8Array =>
  bytes.subarray(bytes.length - length)
