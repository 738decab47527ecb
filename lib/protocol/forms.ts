// What may travel, as options say it, and the tables' entries made of it.

import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { nearest } from '../base/nearest.ts'
import type { Role } from '../base/role.ts'
import { shown } from '../base/shown.ts'
import type { EnumType, Type } from '../codec/type.ts'
import { Entry } from '../framing/table.ts'
import type { Types } from './types.ts'

/** What one type number, or one name, stands for. */
export type EntryForm =
  | number
  | {
      /** The number in the header; or text, or the name of an enum's value, where the header's type is that. */
      readonly type: number | string
      /** The message of the schema, where the entry's own name is not one's. */
      readonly message?: string
      /** `raw`: the body is handed over as bytes, undecoded. `empty`: there is none, and no message in the schema either. */
      readonly body?: 'raw' | 'empty'
    }

/**
 * Where type numbers come from: the name of an option in brackets, such as `(id)`, or `(qbp.type)`, beside which `(qbp.client)` and
 * `(qbp.server)` number what only one role sends; the name of an enum
 * whose values are named like the messages; an object of names and numbers; or a list of these, where a later one
 * goes before an earlier one.
 */
export type TableForm = string | { readonly [name: string]: EntryForm } | readonly TableForm[]

/** What a direction carries where the header has no type: the name of its one message, or raw bodies. */
export type OnlyForm = string | { readonly body: 'raw' }

/** A form for both roles, or one for each: what the role sends. */
export type PerRole<F> = F | { readonly client?: F | undefined; readonly server?: F | undefined }

/** Whether a form is given for each role: an object of nothing but `client` and `server`, where neither is a mere number. */
export function isPerRole<F>(form: PerRole<F> | undefined): form is { readonly client?: F; readonly server?: F } {
  if (typeof form !== 'object' || form === null || Array.isArray(form)) return false
  const entries = Object.entries(form)
  return (
    entries.length > 0 &&
    entries.every(([key, value]) => (key === 'client' || key === 'server') && typeof value !== 'number')
  )
}

/** The form of what a role sends; `initial` where none is given for either. */
export function formOf<F>(form: PerRole<F> | undefined, role: Role, initial?: F): F | undefined {
  return isPerRole(form) ? form[role] : ((form ?? initial) as F | undefined)
}

const refusal = (problem: string): QbpError => new QbpError('ERR_QBP_BAD_TABLE', problem)

/**
 * The entries that a form lists, by the names that messages will have.
 *
 * @throws {QbpError} ERR_QBP_BAD_TABLE for a message, option or enum that the schema does not have.
 */
export function listEntries(form: TableForm, schema: Types, role: Role): Map<string, Entry> {
  if (typeof form === 'string')
    return !form.startsWith('(') ? byEnum(form, schema) : isOwn(form) ? byOwn(role, schema) : byOption(form, schema)
  if (typeof form !== 'object' || form === null)
    throw refusal(
      `types is ${shown(form)}; it may be an option, an enum, an object of names and numbers, or a list of these.`,
    )
  if (isList(form)) return new Map(form.flatMap((part) => [...listEntries(part, schema, role)]))
  return new Map(Object.entries(form).map(([name, entry]) => [name, makeEntry(name, entry, schema)]))
}

const isList = (form: object): form is readonly TableForm[] => Array.isArray(form)

/** The entry of a direction without type numbers. */
export function onlyEntry(form: OnlyForm, schema: Types): Entry {
  if (typeof form === 'string') return new Entry(form, 0, messageType(form, schema))
  if (form?.body === 'raw') return new Entry('Raw', 0, 'raw')
  throw refusal(`message is ${JSON.stringify(form)}; it may be the name of a message, or { body: 'raw' }.`)
}

/** The message type that a name means, relative to the protocol's package or in full. */
export function messageType(name: string, schema: Types): Type {
  if (typeof name !== 'string') throw refusal(`The name of a message was expected, and not ${shown(name)}.`)
  const type = schema.types.get(schema.package === '' ? name : `${schema.package}.${name}`) ?? schema.types.get(name)
  if (type !== undefined) return type
  const names = [...schema.types.values()].map((each) => each.name)
  const meant = names.find((each) => each.endsWith(`.${name}`)) ?? nearest(name, names)
  const like = names.filter((each) => each.toLowerCase().includes(name.toLowerCase()))
  const some = listed(like.length > 0 ? like : names)
  const advice = meant !== undefined ? `: did you mean ${meant}?` : some === '' ? '.' : `; it has ${some}.`
  throw refusal(`The schema has no message '${name}'${advice}`)
}

function makeEntry(name: string, form: EntryForm, schema: Types): Entry {
  if (typeof form === 'number') return new Entry(name, form, messageType(name, schema))
  const { type, message, body, ...rest } = Object(form) as Exclude<EntryForm, number>
  const isKnown = body === undefined || (message === undefined && (body === 'raw' || body === 'empty'))
  if (!isKnown || !['number', 'string'].includes(typeof type) || Object.keys(rest).length > 0)
    throw refusal(
      `The entry ${name} is ${JSON.stringify(form)}; it may be a number, { type, message } or { type, body: 'raw' | 'empty' }.`,
    )
  return new Entry(name, type, body ?? messageType(message ?? name, schema))
}

const TYPE = '(qbp.type)'
const isOwn = (form: TableForm): boolean => form === TYPE

/** Whether a form lists other messages for each role: by (qbp.type), where the schema has (qbp.client) or (qbp.server) beside it. */
export function isDirected(form: TableForm | undefined, schema: Types): boolean {
  if (form !== undefined && typeof form === 'object' && isList(form))
    return form.some((part) => isDirected(part, schema))
  return isOwn(form ?? TYPE) && (['client', 'server'] as const).some((role) => hasOption(`(qbp.${role})`, schema))
}

/** Whether a message has a number of its own, for one role or both. */
export const isNumbered = (schema: Types): boolean => hasOption(TYPE, schema) || isDirected(TYPE, schema)

/** What both roles send, and what this one does. */
function byOwn(role: Role, schema: Types): Map<string, Entry> {
  const entries = !hasOption(TYPE, schema) && isDirected(TYPE, schema) ? new Map() : byOption(TYPE, schema)
  const own = `(qbp.${role})`
  if (!hasOption(own, schema)) return entries
  for (const [name, entry] of byOption(own, schema)) {
    if (entries.has(name))
      throw refusal(`${name} has both ${TYPE}, which is for both roles, and ${own}: leave one of them out.`)
    entries.set(name, entry)
  }
  return entries
}

/** Whether any message of the schema has an option. */
const hasOption = (form: string, schema: Types): boolean =>
  [...schema.types.values()].some((type) => optionKey(form, type, schema) !== undefined)

/** What an option is named like in the schema, if a message has it. */
function optionKey(form: string, type: Type, schema: Types): string | undefined {
  const wanted = plain(form)
  return Object.keys(schema.options(type)).find(
    (option) =>
      plain(option) === wanted ||
      `${schema.package}.${plain(option)}` === wanted ||
      plain(option) === `${schema.package}.${wanted}`,
  )
}

function byOption(form: string, schema: Types): Map<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const type of schema.types.values()) {
    const key = optionKey(form, type, schema)
    if (key === undefined) continue
    const number = schema.options(type)[key]
    if (typeof number !== 'number') {
      throw refusal(
        `The option ${form} of ${type.name} is ${JSON.stringify(number)}, which is neither a number nor a value of the option's enum.`,
      )
    }
    entries.set(type.name, new Entry(type.name, number, type))
  }
  if (entries.size > 0) return entries
  const hint =
    form === TYPE
      ? "import 'qbp/options.proto' and give each a number, option (qbp.type) = 1, or (qbp.client), (qbp.server) for one role; or give { types: { Name: 1 } }"
      : 'look how the .proto spells it'
  throw refusal(`No message of the schema has the option ${form}: ${hint}.`)
}

const plain = (option: string): string => option.replace(/^\(\.?|\)$/g, '')

/** Values are named like messages, but for case, underscores and what all values of the enum begin with. */
function byEnum(name: string, schema: Types): Map<string, Entry> {
  const values = schema.enums.get(`${schema.package}.${name}`) ?? schema.enums.get(name)
  if (values === undefined) {
    throw refusal(
      `The schema has no enum '${name}'; it has ${listed([...schema.enums.keys()]) || 'none'}. An option stands in brackets, such as (qbp.type).`,
    )
  }
  const bare = (text: string) => text.replaceAll(/[_.]/g, '').toLowerCase()
  const types = new Map([...schema.types.values()].map((type) => [bare(type.name), type]))
  const entries = new Map<string, Entry>()
  for (const [text, number] of values.numbers) {
    const prefix = prefixOf(values)
    const type = [text, text.slice(prefix.length), text.slice(prefix.lastIndexOf('_') + 1)]
      .map((candidate) => types.get(bare(candidate)))
      .find((found) => found !== undefined)
    if (type !== undefined) entries.set(type.name, new Entry(type.name, number, type))
  }
  if (entries.size === 0) throw refusal(`No value of the enum ${name} is named like a message.`)
  return entries
}

function prefixOf({ numbers }: EnumType): string {
  const [first = '', ...rest] = numbers.keys()
  let length = rest.length === 0 ? 0 : first.length
  for (const text of rest) while (!text.startsWith(first.slice(0, length))) length--
  return first.slice(0, length)
}
