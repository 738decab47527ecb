import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { EnumType, Type } from '../codec/type.ts'
import { Entry, type EntryForm, type OnlyForm, type TableForm } from '../framing/table.ts'
import type { Types } from './schema.ts'

const refusal = (problem: string): QbpError => new QbpError('ERR_QBP_BAD_TABLE', problem)

/**
 * The entries that a form lists, by the names that messages will have.
 *
 * @throws {QbpError} ERR_QBP_BAD_TABLE for a message, option or enum that the schema does not have.
 */
export function listEntries(form: TableForm, schema: Types): Map<string, Entry> {
  if (typeof form === 'string') return form.startsWith('(') ? byOption(form, schema) : byEnum(form, schema)
  if (typeof form !== 'object' || form === null)
    throw refusal(
      `types is ${String(form)}; it may be an option, an enum, an object of names and numbers, or a list of these.`,
    )
  if (isList(form)) return new Map(form.flatMap((part) => [...listEntries(part, schema)]))
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
  const type = schema.types.get(schema.package === '' ? name : `${schema.package}.${name}`) ?? schema.types.get(name)
  if (type !== undefined) return type
  const near = [...schema.types.values()].map((candidate) => candidate.name)
  const like = near.filter((candidate) => candidate.toLowerCase().includes(name.toLowerCase()))
  const listed = (like.length > 0 ? like : near).slice(0, 12).join(', ')
  throw refusal(
    `The schema has no message '${name}'${listed === '' ? '' : `; it has ${listed}${near.length > 12 ? ', …' : ''}`}.`,
  )
}

function makeEntry(name: string, form: EntryForm, schema: Types): Entry {
  if (typeof form === 'number') return new Entry(name, form, messageType(name, schema))
  if (typeof form !== 'object' || form === null || typeof form.type !== 'number') {
    throw refusal(
      `The entry ${name} is ${JSON.stringify(form)}; it may be a number, or { type, message } or { type, body: 'raw' | 'empty' }.`,
    )
  }
  const { type, message, body, ...rest } = form
  const strange = Object.keys(rest)[0]
  if (strange !== undefined)
    throw refusal(`The entry ${name} has a ${strange}; it may have a type, and a message or a body.`)
  if (body === undefined) return new Entry(name, type, messageType(message ?? name, schema))
  if (message !== undefined)
    throw refusal(`The entry ${name} has both a message and a body: '${body}'; it can have one.`)
  if (body !== 'raw' && body !== 'empty')
    throw refusal(`The body of the entry ${name} is '${String(body)}'; it may be 'raw' or 'empty'.`)
  return new Entry(name, type, body)
}

function byOption(form: string, schema: Types): Map<string, Entry> {
  const wanted = plain(form)
  const entries = new Map<string, Entry>()
  for (const type of schema.types.values()) {
    const options = schema.options(type)
    const key = Object.keys(options).find(
      (option) =>
        plain(option) === wanted ||
        `${schema.package}.${plain(option)}` === wanted ||
        plain(option) === `${schema.package}.${wanted}`,
    )
    if (key === undefined) continue
    const value = options[key]
    const number = typeof value === 'string' ? schema.optionEnum(key)?.numbers.get(value) : value
    if (typeof number !== 'number') {
      throw refusal(
        `The option ${form} of ${type.name} is ${JSON.stringify(value)}, which is neither a number nor a value of the option's enum.`,
      )
    }
    entries.set(type.name, new Entry(type.name, number, type))
  }
  if (entries.size > 0) return entries
  const hint =
    form === '(qbp.type)'
      ? `give each its number, with import "qbp/options.proto" and option (qbp.type) = 1 in the message, or give a table: { types: { Name: 1 } }`
      : 'look how the .proto spells it'
  throw refusal(`No message of the schema has the option ${form}: ${hint}.`)
}

const plain = (option: string): string => option.replace(/^\(\.?|\)$/g, '')

/** Values are called as messages are, but for case, underscores and what all values of the enum begin with. */
function byEnum(name: string, schema: Types): Map<string, Entry> {
  const values = schema.enums.get(`${schema.package}.${name}`) ?? schema.enums.get(name)
  if (values === undefined) {
    throw refusal(
      `The schema has no enum '${name}'; it has ${[...schema.enums.keys()].join(', ') || 'none'}. An option stands in brackets, such as (qbp.type).`,
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
  if (entries.size === 0) throw refusal(`No value of the enum ${name} is called as a message is.`)
  return entries
}

function prefixOf({ numbers }: EnumType): string {
  const [first = '', ...rest] = numbers.keys()
  let length = rest.length === 0 ? 0 : first.length
  for (const text of rest) while (!text.startsWith(first.slice(0, length))) length--
  return first.slice(0, length)
}

/** Whether a form is given for each role: an object of nothing but `client` and `server`, where neither is a mere number. */
export function isPerRole(form: unknown): form is { client?: never; server?: never } {
  if (typeof form !== 'object' || form === null || Array.isArray(form)) return false
  const entries = Object.entries(form)
  return (
    entries.length > 0 &&
    entries.every(([key, value]) => (key === 'client' || key === 'server') && typeof value !== 'number')
  )
}

/** A role's part of a form, or the form where it is both roles'. */
export function perRole<F>(form: unknown, role: Role, initial: F | undefined): F | undefined {
  return (isPerRole(form) ? form[role] : (form ?? initial)) as F | undefined
}
