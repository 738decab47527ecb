import type { Role } from '../../base/role.ts'
import type { Type } from '../../codec/type.ts'
import { FrameParser } from '../../framing/frame-parser.ts'
import { hasType } from '../../framing/layout/parse-layout.ts'
import { MessageReader, NONE } from '../../framing/message-reader.ts'
import { MessageWriter } from '../../framing/message-writer.ts'
import { readFrame } from '../../framing/read-frame.ts'
import type { Entry } from '../../framing/table.ts'
import { WITHOUT_LIMITS } from '../../framing/without-limits.ts'
import type { Description } from '../../protocol/description.ts'
import type { EntryForm, OnlyForm } from '../../protocol/forms.ts'
import { Protocol } from '../../protocol/protocol.ts'
import { type FrameJson, frameFromJson } from '../../protojson/frame-json.ts'
import { frameLine } from '../../protojson/frame-line.ts'
import { parseJson } from '../../protojson/parse-json.ts'
import { CallPairs, type PairedCall } from '../call-pairs.ts'
import { FieldPairs, type Pair } from '../field-pairs.ts'
import { Entry as EntryMessage, Event, type Hello, Side } from '../messages.ts'
import { headerSpans } from './header-spans.ts'
import type { Span } from './span.ts'
import { spansOf } from './spans.ts'

/** One line of the table. */
export interface Row {
  /** The window's number of the event. */
  readonly index: number
  readonly at: number
  readonly connection: number
  readonly from: Role
  readonly kind: 'frame' | 'open' | 'fault' | 'close'
  /** The whole frame, or what came of it. */
  readonly bytes: Uint8Array
  readonly offset: number
  readonly error: string
  readonly peer: string
  /** What the header says: the type, where the body begins, and the table's entry, if it lists the type. */
  readonly type: number | string
  readonly bodyStart: number
  readonly bodyEnd: number
  readonly entry: Entry | null
  /** What it is of a call, where the protocol carries calls. */
  readonly call: PairedCall | undefined
  /** What it is of a pair, where a field pairs them. */
  readonly pair: Pair | undefined
  /** A page sent it, in that side's name. */
  readonly sentHere: boolean
}

const kinds: Record<number, Row['kind']> = {
  [Event.Kind.FRAME]: 'frame',
  [Event.Kind.OPEN]: 'open',
  [Event.Kind.FAULT]: 'fault',
  [Event.Kind.CLOSE]: 'close',
}

/** The observed protocol, made of what the window said of it: decodes what passes, here in the page. */
export class Conversation {
  readonly title: string
  /** The options by which the command line names this protocol. */
  readonly options: string
  readonly isRecorded: boolean
  /** Whether messages may be sent from here. */
  readonly sends: boolean
  readonly #calls: CallPairs
  readonly #pairs: FieldPairs
  readonly protocol: Protocol

  constructor(hello: Hello) {
    const { title, options, recorded, calls, header, serverHeader, package: name, schema, client, server } = hello
    this.sends = hello.sends
    this.#pairs = new FieldPairs(hello.pair)
    this.title = title
    this.options = options
    this.isRecorded = recorded
    const tables = { client: client.map(form), server: server.map(form) }
    const typed = { client: Object.fromEntries(tables.client), server: Object.fromEntries(tables.server) }
    const only = Object.fromEntries(
      Object.entries(tables).flatMap(([role, [first]]) => (first ? [[role, onlyForm(first)]] : [])),
    )
    const source = { ...(JSON.parse(schema) as Description), package: name, int64: 'bigint' } as const
    const layouts = serverHeader === '' ? [header] : [header, serverHeader]
    const both = serverHeader === '' ? header : { client: header, server: serverHeader }
    if (client.length + server.length === 0 && calls === '') {
      this.protocol = Protocol.raw({ header: both }) // There is no schema.
      this.#calls = new CallPairs(this.protocol)
      return
    }
    this.protocol = Protocol.from(source, {
      header: both,
      ...(layouts.some(hasType) && { types: typed }),
      ...(calls !== '' && { calls: calls === 'ttrpc' ? calls : Number(calls) }),
      ...(!layouts.every(hasType) && { message: only }),
    }) as Protocol
    this.#calls = new CallPairs(this.protocol)
  }

  /** The message type of a header's section, if the schema has it. */
  #section(name: string): Type | null {
    try {
      return this.protocol.messageType(name)
    } catch {
      return null
    }
  }

  /** The row of an event; events come in order. */
  row({ index, at, connection, from, kind, bytes, offset, error, peer, sentHere }: Event): Row {
    const role = from === Side.CLIENT ? 'client' : 'server'
    const frame = kind === Event.Kind.FRAME ? this.#frame(bytes, role) : null
    const entry = frame === null ? null : (this.protocol.sent[role].byType(frame.type) ?? null)
    const row: Row = {
      ...{ index, at, connection, from: role, kind: kinds[kind] ?? 'fault', bytes, offset, error, peer, entry },
      ...{ type: frame?.type ?? 0, bodyStart: frame?.start ?? bytes.length, bodyEnd: frame?.end ?? bytes.length },
      ...{ sentHere, call: undefined, pair: undefined },
    }
    return this.#paired(row)
  }

  /** Pairs are made as frames come: where there are none, nothing is decoded before it is looked at. */
  #paired(row: Row): Row {
    const { at, connection, from: direction, kind, entry } = row
    const hasCalls = this.protocol.calls !== null && (kind !== 'frame' || entry !== null)
    if (!hasCalls && !this.#pairs.isWanted) return row
    const message = kind === 'frame' ? this.#message(row) : NONE
    const name = entry?.name ?? null
    const event = { at, connection, direction, kind, name, ...(message !== NONE && { message }) }
    const call = hasCalls ? this.#calls.see(event) : undefined
    return { ...row, call, pair: this.#pairs.see(event) }
  }

  /**
   * The frame of a line as `qbp encode` takes it.
   *
   * @throws {QbpError} that names the field, or SyntaxError for text that is no JSON.
   */
  frameOf(text: string, from: Role): Uint8Array {
    const { headers, sent } = this.protocol
    const message = frameFromJson(this.protocol, from, parseJson(text))
    return new MessageWriter(headers[from], sent[from], Number.POSITIVE_INFINITY).frame(message)
  }

  /** A frame's line as text to be edited: without what is only so of this frame. */
  editable(row: Row): string {
    const { offset: _, length: __, error: ___, body, ...line } = this.line(row)
    // The bytes count only where nothing else says what was in them.
    const isBytes = line.message === undefined && line.fields === undefined
    return JSON.stringify({ ...line, ...(isBytes && { body }) }, null, 2)
  }

  /** @throws {QbpError} for a body that does not decode. */
  #read({ bytes, from }: Row): object | typeof NONE {
    const { headers, sent } = this.protocol
    const settings = { ...WITHOUT_LIMITS, header: headers[from], table: sent[from], shareBytes: true } as const
    return readFrame(new MessageReader({ ...settings, unknown: 'raw' }, false), bytes)
  }

  /** The message of a frame, or NONE where it does not decode. */
  #message(row: Row): object | typeof NONE {
    try {
      return this.#read(row)
    } catch {
      return NONE
    }
  }

  /** The one frame of these bytes. */
  #frame(bytes: Uint8Array, role: Role): FrameParser | null {
    const frames = new FrameParser(
      this.protocol.headers[role],
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      false,
    )
    frames.feed(bytes)
    try {
      return frames.next() ? frames : null
    } catch {
      return null
    }
  }

  /**
   * A frame as a line of `qbp decode`: its message in ProtoJSON, with the fields that the schema lacks; by number where it lacks the
   * message.
   */
  line(row: Row): FrameJson {
    const { entry, type, offset, bytes, bodyStart, bodyEnd, error, from } = row
    const frame = { name: entry?.name ?? null, type, offset, length: bodyEnd - bodyStart, bytes, bodyStart }
    try {
      const message = this.#read(row)
      return frameLine(this.protocol, from, { ...frame, ...(message !== NONE && { message }) })
    } catch (fault) {
      const text = error === '' ? (fault as Error).message : error
      return frameLine(this.protocol, from, { ...frame, error: new Error(text) })
    }
  }

  /** What a frame's message says, or its fields by number; null where it does not decode, or is none. */
  json(row: Row): unknown {
    if (row.kind !== 'frame') return null
    const { message, fields } = this.line(row)
    return fields ?? (row.entry?.body === 'empty' ? null : message) ?? null
  }

  /** The frame's header and body, and their fields, among its bytes. */
  spans({ entry, bytes, bodyStart, bodyEnd, kind, type, error, from }: Row): Span[] {
    const { length } = bytes
    const part = { value: null, children: [] as Span[] }
    if (kind !== 'frame') {
      const whole = { ...part, name: 'bytes', kind: 'malformed', note: error, start: 0, end: length, valueStart: 0 }
      return length > 0 ? [whole] : []
    }
    const { text } = this.protocol.headers[from]
    const all = headerSpans(this.protocol.headers[from].pieces(bytes), bytes, (name) => this.#section(name))
    const [before, after] = [all.filter(({ start }) => start < bodyStart), all.filter(({ start }) => start >= bodyEnd)]
    const header = { ...part, name: 'header', kind: text, start: 0, end: bodyStart, valueStart: 0, children: before }
    const trailer = {
      ...part,
      name: 'trailer',
      kind: text,
      start: bodyEnd,
      end: length,
      valueStart: bodyEnd,
      children: after,
    }
    const place = { start: bodyStart, end: bodyEnd, valueStart: bodyStart }
    const around = (body: Span) => [...(bodyStart > 0 ? [header] : []), body, ...(bodyEnd < length ? [trailer] : [])]
    if (entry !== null && typeof entry.body !== 'string') {
      const { body, name } = entry
      const label = body.name === name ? 'message' : body.name
      return around({ ...part, ...place, name, kind: label, children: spansOf(body, bytes, bodyStart, bodyEnd) })
    }
    if (entry?.body === 'empty') return [header]
    // Nobody said that it is protobuf: it is shown as fields if it reads as such.
    const guess = entry === null ? spansOf(null, bytes, bodyStart, bodyEnd) : []
    const reads = guess.length > 0 && guess.every((span) => span.kind !== 'malformed')
    const name = entry?.name ?? `type ${type}`
    if (reads) return around({ ...part, ...place, name, kind: 'not in the table', children: guess })
    return around({ ...part, ...place, name, kind: 'raw', value: bytes.subarray(bodyStart, bodyEnd) })
  }
}

const form = ({ name, type: number, typeText, body, message }: EntryMessage): [string, EntryForm] => {
  const type = typeText === '' ? number : typeText
  if (body === EntryMessage.Body.RAW) return [name, { type, body: 'raw' }]
  if (body === EntryMessage.Body.EMPTY) return [name, { type, body: 'empty' }]
  return [name, { type, message }]
}

const onlyForm = ([name, entry]: [string, EntryForm]): OnlyForm =>
  typeof entry === 'object' && entry.body === 'raw' ? { body: 'raw' } : name

/** A row's name, for people. */
export function nameOf({ kind, entry, type, from, peer, call }: Row): string {
  if (call !== undefined) return call.method?.replace(/^.*\.(?=\w+\/)/, '') ?? entry?.name ?? ''
  if (kind === 'frame') return entry?.name ?? `type ${type}`
  if (kind === 'open') return from === 'client' ? 'connected' : `reached ${peer}`.trim()
  return kind === 'close' ? 'ended' : 'fault'
}
