import {
  headers,
  type LoadOptions,
  type OnlyForm,
  type PerRole,
  Protocol,
  type ProtocolOptions,
  type Role,
  type TableForm,
} from '../../index.ts'
import { UsageError } from '../command/fault.ts'
import type { OptionTable } from '../command/help.ts'
import { assertFolder } from '../files/text-file.ts'
import { parseJson5 } from '../terminal/json5.ts'
import { oneOf, shellWord, wholeNumber } from './values.ts'

/** The options that say which protocol it is. Every verb that reads or writes frames has them. */
export const protocolOptions = {
  schema: {
    type: 'string',
    short: 's',
    multiple: true,
    value: 'FILE',
    help: `the .proto; a folder of them, a pattern ('api/**/*.proto'), or a compiled schema (protoc -o, buf build -o); may be
      repeated. Without one, fields are shown by their numbers`,
  },
  header: {
    type: 'string',
    value: 'LAYOUT',
    help: `the header's layout ('length:varint type:varint'; default: 'type:u16 length:u32'), or one that has a name:
      ${Object.keys(headers).slice(1).join(', ')}`,
    words: Object.keys(headers),
  },
  types: {
    type: 'string',
    multiple: true,
    value: 'WHERE',
    help: `where type numbers come from: an option in brackets, '(id)' (default: '(qbp.type)'); the name of an enum; an
      object, '{Say: 2}'; or each role's, '{client: …, server: …}'; may be repeated, the later before the earlier`,
  },
  message: {
    type: 'string',
    value: 'NAME',
    help: `where the header has no type: the one message, or each role's, '{client: "Request", server: "Response"}'`,
  },
  role: {
    type: 'string',
    value: 'ROLE',
    help: 'whose messages these are, client or server: needed where the roles send different ones',
    words: ['client', 'server'],
  },
  include: {
    type: 'string',
    short: 'I',
    multiple: true,
    value: 'DIR',
    help: 'where imports are looked for, too (default: here); may be repeated',
  },
  'keep-case': { type: 'boolean', help: 'names of fields as the .proto has them (default: in camelCase)' },
  package: { type: 'string', value: 'NAME', help: "names of messages are relative to it (default: the first file's)" },
  int64: {
    type: 'string',
    value: 'KIND',
    help: `number: 64-bit integers as JSON numbers, refused beyond 2**53 - 1; default: as text, like ProtoJSON has them`,
    words: ['bigint', 'long', 'number'],
  },
  resync: { type: 'boolean', help: 'drop what is no frame, up to the next constant by which frames begin' },
  'max-body': { type: 'string', value: 'BYTES', help: 'the longest body that is read (default: 67108864)' },
} as const satisfies OptionTable

/** What parseArgs makes of the options above. */
export interface ProtocolValues {
  schema?: string[]
  header?: string
  types?: string[]
  message?: string
  role?: string
  include?: string[]
  'keep-case'?: boolean
  package?: string
  int64?: string
  resync?: boolean
  'max-body'?: string
}

/** How the .proto files are found and read. */
export const loadOptions = ({ include, 'keep-case': keepCase }: ProtocolValues): LoadOptions => ({
  ...(include !== undefined && { includeDirs: include }),
  ...(keepCase === true && { keepCase }),
})

/** The options that name the protocol again, as a person would type them: `--schema chat.proto --header grpc`. */
export function protocolArguments(values: ProtocolValues): string {
  const { schema, include, header, types, message, package: name } = values
  const named = Object.entries({ schema, include, header, types, message, package: name })
  const words = named.flatMap(([option, value = []]) => [value].flat().map((each) => `--${option} ${shellWord(each)}`))
  return [...words, ...(values['keep-case'] ? ['--keep-case'] : []), ...(values.resync ? ['--resync'] : [])].join(' ')
}

/** A protocol, and how it is read and written here. */
export interface CommandProtocol {
  protocol: Protocol
  /** Undefined where none was given. */
  role: Role | undefined
  maxBodyBytes: number
}

/** Loads the protocol that the options describe. @throws {UsageError} or a QbpError that says what is wrong with it. */
export async function commandProtocol(values: ProtocolValues, change: ProtocolOptions = {}): Promise<CommandProtocol> {
  const { schema, header, types, message } = values
  if (schema === undefined) return await withoutSchema(values)
  await Promise.all((values.include ?? []).map(assertFolder))
  const role = values.role === undefined ? undefined : oneOf('role', values.role, ['client', 'server'])
  const protocol = await Protocol.load(schema, {
    ...(header !== undefined && { header: await headerForm(header) }),
    ...(types !== undefined && { types: await forms(values) }),
    ...(message !== undefined && { message: await onlyForm(message) }),
    ...(values.resync === true && { resync: true }),
    ...loadOptions(values),
    ...(values.package !== undefined && { package: values.package }),
    int64: values.int64 === undefined ? 'bigint' : oneOf('int64', values.int64, ['bigint', 'long', 'number']),
    ...change,
  })
  return { protocol, role, maxBodyBytes: wholeNumber('max-body', values['max-body'] ?? String(64 * 2 ** 20), 1) }
}

/**
 * A protocol of which only the header is known: its bodies are shown by their fields' numbers.
 *
 * @throws {UsageError} for options that need a schema.
 */
async function withoutSchema({
  header,
  role,
  types,
  message,
  package: name,
  resync = false,
  'max-body': most,
}: ProtocolValues): Promise<CommandProtocol> {
  if (types !== undefined || message !== undefined || name !== undefined)
    throw new UsageError('no schema is given, and --types, --message and --package are about one: --schema FILE.proto.')
  const text = header === undefined ? headers.default : await headerForm(header)
  return {
    protocol: Protocol.raw({ header: text, resync }),
    role: role === undefined ? undefined : oneOf('role', role, ['client', 'server']),
    maxBodyBytes: wholeNumber('max-body', most ?? String(64 * 2 ** 20), 1),
  }
}

/** Whose messages they are. @throws {UsageError} where the roles send different ones and none was given. */
export function senderOf({ protocol, role }: CommandProtocol): Role {
  if (role !== undefined) return role
  if (protocol.symmetric) return 'client'
  throw new UsageError(
    'client and server send different messages here: say whose these are, --role client or --role server.',
  )
}

/** A layout, or each role's, or those that have this name. @throws {UsageError} */
export async function headerForm(text: string): Promise<NonNullable<ProtocolOptions['header']>> {
  if (/^\s*\{\s*["']?(client|server)["']?\s*:/.test(text)) {
    return (await form('header', text)) as { client: string; server: string }
  }
  if (Object.hasOwn(headers, text)) return headers[text as keyof typeof headers]
  if (!/^\w+$/.test(text)) return text
  throw new UsageError(
    `--header is '${text}'; it may be a layout, such as 'type:u16 length:u32', or ${Object.keys(headers).join(', ')}.`,
  )
}

/** Where type numbers come from, as the options have it. @throws {UsageError} */
export async function forms({ types = ['(qbp.type)'] }: ProtocolValues): Promise<TableForm> {
  const list = await Promise.all(types.map((text) => form('types', text)))
  return (list.length === 1 ? list[0] : list) as TableForm
}

/** The one message of a header without a type, or each role's. @throws {UsageError} */
export const onlyForm = async (text: string): Promise<PerRole<OnlyForm>> =>
  (await form('message', text)) as PerRole<OnlyForm>

/** A name as it stands, or an object or list in JSON5. */
async function form(name: string, text: string): Promise<unknown> {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return await parseJson5(text)
  } catch (error) {
    throw new UsageError(`--${name} does not read: ${(error as Error).message}.`)
  }
}
