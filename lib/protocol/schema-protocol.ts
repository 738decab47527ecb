import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { flag, oneOf } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { encodeBody, Room } from '../codec/body.ts'
import { bytesOf } from '../codec/bytes.ts'
import type { CodecSupport, Type } from '../codec/type.ts'
import type { BodyHook, CheckedHook } from '../framing/body-hook.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import type { Policy } from '../framing/message-reader.ts'
import { DEFAULT_LAYOUT, TTRPC_LAYOUT } from '../framing/presets.ts'
import { Entry, Table } from '../framing/table.ts'
import type { NameIn, ReadMessage, Typed, WrittenMessage } from './body-types.ts'
import type { CallDialect, CallForm } from './call-forms.ts'
import {
  formOf,
  isDirected,
  isNumbered,
  isPerRole,
  listEntries,
  messageType,
  onlyEntry,
  type TableForm,
} from './forms.ts'
import type { Directions, Untyped } from './message-types.ts'
import type { ProtocolOptions } from './options.ts'
import type { Types } from './types.ts'

const POLICIES: readonly Policy[] = ['error', 'skip', 'raw']

/** What makes the parts of a Protocol that do not stand ready made in its module. */
export interface Makers {
  /** The header of a layout; `section` finds the message of one of its sections. @throws {QbpError} ERR_QBP_BAD_LAYOUT */
  header(layout: string, section: ((name: string) => Type) | undefined): FrameHeader
  readonly support: CodecSupport
  /** Whether these headers can be found again after bytes that are no frame. @throws {QbpError} ERR_QBP_BAD_OPTION */
  checkResync(headers: { readonly [R in Role]: FrameHeader }, hasCalls: boolean): void
  /** What lies between bodies and messages. @throws {QbpError} ERR_QBP_BAD_OPTION */
  hook(given: BodyHook): CheckedHook
  /** How calls travel, and the messages that they travel in; null where a protocol has none. */
  readonly calls: {
    dialect(form: CallForm, header: FrameHeader): CallDialect | null
    entries(form: CallForm, support: CodecSupport): Entry[]
  } | null
}

/**
 * What every way into the package makes of a protocol: header, messages, and which travel where. What is not in the module must be given the code that
 * makes it: see Makers.
 */
export class SchemaProtocol<D extends Directions = Untyped> {
  /** The headers of what each role sends. */
  readonly headers: { readonly client: FrameHeader; readonly server: FrameHeader }
  readonly unknown: Policy
  readonly invalid: Policy
  /** @internal */
  readonly body: CheckedHook | null
  readonly resync: boolean
  /** What each role sends. */
  readonly sent: { readonly client: Table; readonly server: Table }
  /** Never there: it carries the types of the messages. */
  declare readonly directions: D
  /** How calls travel; null where none do. */
  readonly calls: CallDialect | null
  /** @internal */
  readonly types: Types

  protected constructor(types: Types, options: ProtocolOptions, makers: Makers) {
    const { header = options.calls === 'ttrpc' ? TTRPC_LAYOUT : DEFAULT_LAYOUT, calls = false } = options
    this.types = types
    this.headers = makeHeaders(header, types, makers)
    this.calls = makers.calls?.dialect(calls, this.headers.client) ?? null
    if (this.headers.client !== this.headers.server) makers.calls?.dialect(calls, this.headers.server)
    this.unknown = oneOf('unknown', options.unknown, 'error', POLICIES)
    this.invalid = oneOf('invalid', options.invalid, 'error', POLICIES)
    this.body = (options.body ?? null) === null ? null : makers.hook(options.body as BodyHook)
    this.resync = flag('resync', options.resync, false)
    if (this.resync) makers.checkResync(this.headers, this.calls !== null)
    const { client, server } = this.headers
    const misplaced = client.hasType !== server.hasType ? null : client.hasType ? 'message' : 'types'
    if (misplaced !== null && options[misplaced] !== undefined) {
      const [kind, advice] = client.hasType ? ['without', 'one: give types'] : ['with', 'none: give message']
      throw new QbpError(
        'ERR_QBP_BAD_TABLE',
        `${misplaced} is for headers ${kind} a type; '${client.text}' has ${advice}.`,
      )
    }
    const table = (role: Role): Table => {
      const own = this.headers[role]
      if (own.hasType) {
        // A schema of services alone numbers no message.
        const isAlone = calls !== false && options.types === undefined && !isNumbered(types)
        const form = isAlone ? undefined : formOf(options.types, role, '(qbp.type)')
        const entries = form === undefined ? [] : [...listEntries(form, types, role).values()]
        const numbers = entries.map((entry) => numbered(entry, own))
        return new Table(
          calls === false ? numbers : [...numbers, ...(makers.calls?.entries(calls, makers.support) ?? [])],
          own,
        )
      }
      const form = formOf(options.message, role)
      return new Table(form === undefined ? [] : [onlyEntry(form, types)], own)
    }
    const isTyped = isPerRole(options.types) || isDirected(options.types as TableForm | undefined, types)
    const differ = client !== server || (client.hasType ? isTyped : isPerRole(options.message))
    const sentByClient = table('client')
    this.sent = { client: sentByClient, server: differ ? table('server') : sentByClient }
    if (sentByClient.entries.length + this.sent.server.entries.length === 0 && types !== NO_TYPES) {
      const remedy = client.hasType
        ? 'types lists no message.'
        : `'${client.text}' has no type, so name the message: { message: 'Name' }.`
      throw new QbpError('ERR_QBP_BAD_TABLE', `Nothing can be sent either way: ${remedy}`)
    }
  }

  /** The header of what the client sends, which is that of both roles unless each has its own. */
  get header(): FrameHeader {
    return this.headers.client
  }

  /** Whether both roles send the same messages, so that a stream need not say which it is. */
  get symmetric(): boolean {
    return this.sent.client === this.sent.server && this.headers.client === this.headers.server
  }

  /** The table of one direction. @throws {QbpError} ERR_QBP_BAD_OPTION without a role, where the directions differ. */
  table(role: Role | undefined, direction: 'incoming' | 'outgoing'): Table {
    return this.sent[this.sender(role, direction)]
  }

  /** Whose messages travel in one direction; either role's where both send the same. @throws {QbpError} as `table`. */
  sender(role: Role | undefined, direction: 'incoming' | 'outgoing'): Role {
    if (role === undefined && this.symmetric) return 'client'
    if (role !== 'client' && role !== 'server') {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `role is ${String(role)}; client and server send different messages: it must be 'client' or 'server', whichever this end is.`,
      )
    }
    return (role === 'client') === (direction === 'outgoing') ? 'client' : 'server'
  }

  /** A message of the schema by its name, relative to the package or in full: its fields, for tools. @throws {QbpError} ERR_QBP_BAD_TABLE */
  messageType(name: string): Type {
    return messageType(name, this.types)
  }

  /**
   * One body by itself, of any message of the schema, listed or not: for messages inside `bytes` fields.
   *
   * @param name relative to the package, or in full.
   * @returns bytes of its own, in Node a Buffer.
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path; ERR_QBP_BAD_TABLE for a name that is none.
   */
  encode<P extends Typed, const N extends string>(
    this: P,
    name: N | NameIn<P>,
    message: WrittenMessage<P, N>,
  ): Uint8Array
  encode(name: string, message: object): Uint8Array {
    const output = new Room()
    const end = encodeBody(messageType(name, this.types), message, output, 0)
    return output.buf.subarray(0, end)
  }

  /**
   * The message of one body, as a reader hands it out, `bytes` copied.
   *
   * @param bytes any Uint8Array.
   * @throws {QbpError} ERR_QBP_INVALID_BODY with the field's path; ERR_QBP_BAD_TABLE for a name that is none;
   * ERR_QBP_NOT_BYTES for text, an ArrayBuffer, a DataView or anything else.
   */
  decode<P extends Typed, const N extends string>(this: P, name: N | NameIn<P>, bytes: Uint8Array): ReadMessage<P, N>
  decode(name: string, bytes: Uint8Array): unknown {
    const type = messageType(name, this.types)
    const body = bytesOf('The body', bytes)
    return new Entry(type.name, 0, type).decode(body, 0, body.length, false, null)
  }
}

/** The schema of a protocol that has none. */
export const NO_TYPES: Types = {
  package: '',
  types: new Map(),
  enums: new Map(),
  services: {},
  form: () => null,
  options: () => ({}),
}

/** The headers of both roles: one object where they have one layout. */
export function makeHeaders(
  form: ProtocolOptions['header'],
  types: Types,
  { header }: Pick<Makers, 'header'>,
): { client: FrameHeader; server: FrameHeader } {
  const section = types === NO_TYPES ? undefined : (name: string) => messageType(name, types)
  if (!isPerRole(form)) {
    const both = header(form as string, section)
    return { client: both, server: both }
  }
  const { client, server } = form as { client: string; server: string }
  return { client: header(client, section), server: header(server, section) }
}

/** The entry with a number for the name of an enum's value. @throws {QbpError} ERR_QBP_BAD_TABLE */
function numbered(entry: Entry, { typeNames }: FrameHeader): Entry {
  if (typeof entry.type === 'number' || typeNames === null) return entry
  const number = typeNames.get(entry.type)
  if (number !== undefined) return new Entry(entry.name, number, entry.body)
  const names = listed([...typeNames.keys()])
  throw new QbpError('ERR_QBP_BAD_TABLE', `${entry.name} has the type ${entry.type}; the enum of types has ${names}.`)
}
