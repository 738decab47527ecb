import type { OptionNames } from '../base/options.ts'
import type { Int64Kind } from '../codec/int64.ts'
import type { BodyHook } from '../framing/body-hook.ts'
import type { Policy } from '../framing/message-reader.ts'
import type { CallForm } from './call-forms.ts'
import type { OnlyForm, PerRole, TableForm } from './forms.ts'

/** How a protocol's frames look and what they carry. All of it is checked when the Protocol is made. */
export interface ProtocolOptions {
  /**
   * The layout of the header, such as `type:u16 length:u32`, which is the default; or each role's, `{ client, server }`, where
   * `client` is that of what the client sends. See `headers` for protocols that exist.
   */
  header?: string | { readonly client: string; readonly server: string } | undefined
  /** Where type numbers come from, for both directions or for each: `{ client, server }`, where `client` lists what the client sends. Default: the option `(qbp.type)`. */
  types?: PerRole<TableForm> | undefined
  /** Where the header has no type: the one message of both directions, or of each. */
  message?: PerRole<OnlyForm> | undefined
  /** What a type that no table lists does. Default: 'error'. */
  unknown?: Policy | undefined
  /** What a body that does not decode does. Default: 'error'. */
  invalid?: Policy | undefined
  /** What lies between the body on the wire and the message's bytes, such as a compression that the header announces. */
  body?: BodyHook | undefined
  /**
   * Drop what is no frame, up to the next constant by which frames begin, instead of ending the stream with a fault: for lines on
   * which other things than frames come, such as text for people. What is dropped is counted in stats() as `droppedBytes`, and
   * published on the channel `qbp:bytes:dropped`. Default: false.
   */
  resync?: boolean | undefined
  /** How 64-bit integers are read. Default: 'bigint', or as the generated module has it. Any is taken on write. */
  int64?: Int64Kind | undefined
  /**
   * How the values of enums are read: as numbers, or as their names; a number that has none is a number there, too. Both are taken on
   * write. Default: 'numbers', or as the generated module has it.
   */
  enums?: 'numbers' | 'names' | undefined
  /**
   * What messages of Google's well-known types are within others: 'messages', as they stand in their .proto; or 'plain': a Timestamp is a
   * Date, a Duration a number of milliseconds, a FieldMask a list of paths, a wrapper its value, Struct, Value and ListValue what JSON has;
   * or 'temporal': the same with Temporal.Instant and Temporal.Duration.
   * Default: 'messages', or as the generated module has it.
   */
  wellKnown?: 'messages' | 'plain' | 'temporal' | undefined
  /** The package that message names are relative to. Default: the first file's. */
  package?: string | undefined
  /**
   * That it carries calls, of the services of this schema and of others, beside its messages or alone: true, or the first of
   * two type numbers that are free, where 240 and 241 are not; or 'ttrpc'. Default: false.
   */
  calls?: CallForm | undefined
}

export const ENUM_FORMS = ['numbers', 'names'] as const
export const WELL_KNOWN_FORMS = ['messages', 'plain', 'temporal'] as const

export const PROTOCOL_OPTIONS: OptionNames<ProtocolOptions> = {
  header: true,
  types: true,
  message: true,
  unknown: true,
  invalid: true,
  body: true,
  resync: true,
  int64: true,
  enums: true,
  wellKnown: true,
  package: true,
  calls: true,
}
