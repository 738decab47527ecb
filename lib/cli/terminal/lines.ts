import { other } from '../../base/role.ts'
import type { Protocol } from '../../index.ts'
import type { FrameJson } from '../../protojson/frame-json.ts'
import { CallPairs, type PairedCall } from '../../window/call-pairs.ts'
import { FieldPairs, type Pair } from '../../window/field-pairs.ts'
import type { Io } from '../command/verb.ts'
import type { TapEvent } from '../tap/events.ts'
import { looseJson } from './json5.ts'
import { jsonLine, printable } from './printable.ts'
import { bytesText } from './progress.ts'
import { shownFrame } from './shown-frame.ts'

/** What may wait for a slow terminal or pipe, in bytes: what is more is counted, and not shown. */
const MAX_QUEUED_BYTES = 16 * 2 ** 20

const COLOURS = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36, grey: 90, bold: 1 } as const

/** Paints text, on a terminal that has colours and where the user wants them: https://no-color.org. */
export function painter({ stdout, env }: Io): (colour: keyof typeof COLOURS, text: string) => string {
  const on = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return (colour, text) => (on ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text)
}

/** Prints what happens on connections: a line for people each, or of JSON. Never waits, and never grows without a bound. */
export class Lines {
  /** Puts a line out; a prompt puts it above itself. */
  write: (line: string) => void
  /** Whose frames they are: another one, where its layout is found only after some have passed. */
  protocol: Protocol
  readonly #io: Io
  readonly #json: boolean
  readonly #paint: ReturnType<typeof painter>
  /** When the last frame came, by connection and direction, and whether the other side has answered it. */
  readonly #last = new Map<string, { at: number; answered: boolean }>()
  readonly #calls: CallPairs
  readonly #pairs: FieldPairs
  #unseen = 0

  /** @param pair the field by which requests and answers are paired. */
  constructor(protocol: Protocol, io: Io, json: boolean, pair = '') {
    this.#pairs = new FieldPairs(pair)
    this.protocol = protocol
    this.#calls = new CallPairs(protocol)
    this.#io = io
    this.#json = json
    this.#paint = painter(io)
    this.write = (line) => void io.stdout.write(`${line}\n`)
  }

  show(event: TapEvent): void {
    const waited = this.#latency(event)
    const call = this.#calls.see(event)
    const pair = this.#pairs.see(event)
    if (this.#io.stdout.writableLength > MAX_QUEUED_BYTES) {
      this.#unseen++
      return
    }
    if (this.#unseen > 0)
      this.#io.stderr.write(
        `qbp: ${this.#unseen} events were not shown: they came faster than they could be printed.\n`,
      )
    this.#unseen = 0
    this.write(
      this.#json
        ? jsonLine({ ...this.#jsonOf(event, waited), ...(call && { call }), ...(pair && { pair }) })
        : this.#textOf(event, waited, call, pair),
    )
  }

  /** Milliseconds from the other side's last frame to this one, where it is the first after it. */
  #latency({ kind, at, connection, direction }: TapEvent): number | undefined {
    if (kind === 'close') this.#last.delete(`${connection} ${direction}`)
    if (kind !== 'frame') return undefined
    const before = this.#last.get(`${connection} ${other(direction)}`)
    this.#last.set(`${connection} ${direction}`, { at, answered: false })
    if (before === undefined || before.answered) return undefined
    before.answered = true
    return at - before.at
  }

  #jsonOf(event: TapEvent, latencyMs: number | undefined): object {
    const { at, connection, direction, kind, peer, error, bytes, offset } = event
    return {
      ...{ at, connection, direction, kind, ...(peer && { peer }) },
      ...(kind === 'frame' && this.frameOf(event)),
      ...(kind === 'fault' && { offset, ...(bytes && { bytes: Buffer.from(bytes).toString('base64') }) }),
      ...(event.sentHere && { sentHere: true }),
      ...(latencyMs !== undefined && { latencyMs: Number(latencyMs.toFixed(3)) }),
      ...(kind !== 'frame' && error !== undefined && { error }),
    }
  }

  #textOf(
    event: TapEvent,
    latencyMs: number | undefined,
    call: PairedCall | undefined,
    pair: Pair | undefined,
  ): string {
    const { at, connection, direction, kind, peer, error, bytes, sentHere } = event
    const paint = this.#paint
    const arrow = direction === 'client' ? paint('cyan', '→') : paint('yellow', '←')
    const start = `${at === 0 ? '' : `${paint('grey', timeText(at))} `}#${connection} ${arrow}`
    if (kind === 'open') return `${start} ${paint('grey', `open${peer ? ` ${peer}` : ''}`)}`
    if (kind === 'close')
      return `${start} ${paint('grey', 'close')}${error ? ` ${paint('red', printable(error))}` : ''}`
    if (kind === 'fault') return `${start} ${paint('red', `fault: ${printable(error ?? '')}`)}`
    const size = paint('grey', bytesText(bytes?.length ?? 0))
    const waited = latencyMs === undefined ? '' : paint('grey', `  +${latencyMs.toFixed(latencyMs < 10 ? 2 : 0)} ms`)
    const text = call === undefined ? this.messageText(event) : this.#callText(event, call)
    const place = sentHere ? paint('yellow', '  sent from the window') : ''
    return `${start} ${text}  ${size}${pair === undefined ? (call?.ms === undefined ? waited : '') : this.#pairText(pair)}${place}`
  }

  /** `call 7 Accounts/Open {name: "ann"}`, and of an answer how it ended and when: `OK 1.2 ms`. */
  #callText(event: TapEvent, { id, method, message, status, ms }: PairedCall): string {
    const title = `${this.#paint('grey', `call ${id}`)} ${this.#paint('bold', printable(method ?? 'of before'))}`
    const text = message === undefined ? this.messageText(event) : printable(looseJson(message))
    const end = status === undefined ? '' : ` ${this.#paint(status === 'OK' ? 'green' : 'red', status)}`
    const waited = ms === undefined ? '' : this.#paint('grey', ` ${ms.toFixed(ms < 10 ? 2 : 0)} ms`)
    return `${title} ${text}${end}${waited}`
  }

  /** `  asks 7`, and of the answer when: `  answers 7 in 1.2 ms`. */
  #pairText({ key, ms }: Pair): string {
    const end = ms === undefined ? '' : ` in ${ms.toFixed(ms < 10 ? 2 : 0)} ms`
    return this.#paint('grey', `  ${ms === undefined ? 'asks' : 'answers'} ${printable(key)}${end}`)
  }

  /** The message of a frame as it would be typed: `Say {text: "hi"}`. */
  messageText(event: TapEvent): string {
    const { name, message, fields: byNumber, body, header, error } = this.frameOf(event)
    const title = this.#paint('bold', name ?? `type ${event.type}`)
    const shown = byNumber ?? (message === undefined ? { body } : message)
    const fields = header === undefined ? shown : { ...(shown as object), $header: header }
    return `${title} ${error === undefined ? printable(looseJson(fields)) : this.#paint('red', error)}`
  }

  /** The line of a frame, as `qbp decode` prints it. */
  frameOf({
    direction,
    name = null,
    type = 0,
    offset = 0,
    length = 0,
    bodyStart,
    message,
    error,
    bytes,
  }: TapEvent): FrameJson {
    const frame = { name, type, offset, length, bytes: bytes ?? new Uint8Array(0) }
    const rest = {
      ...(bodyStart !== undefined && { bodyStart }),
      ...(message !== undefined && { message }),
      ...(error !== undefined && { error: new Error(error) }),
    }
    return shownFrame(this.protocol, direction, { ...frame, ...rest })
  }
}

/** `12:34:56.789`, in local time. */
function timeText(at: number): string {
  const date = new Date(at)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
