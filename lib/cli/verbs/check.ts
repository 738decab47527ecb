import { compiling } from '../../codec/codec-source.ts'
import { Header } from '../../framing/header.ts'
import { hasType, sectionsIn } from '../../framing/layout/parse-layout.ts'
import type { Entry } from '../../framing/table.ts'
import { headers, type Role } from '../../index.ts'
import { formOf, listEntries, messageType, type TableForm } from '../../protocol/forms.ts'
import { firstPackage, loadSchema } from '../../protocol/schema/load.ts'
import { describe } from '../../protocol/schema/reflect.ts'
import { makeTypes, type Types } from '../../protocol/types.ts'
import { compare } from '../check/compare.ts'
import { compareLayouts } from '../check/compare-layouts.ts'
import type { Finding } from '../check/finding.ts'
import { UsageError } from '../command/fault.ts'
import { DONE, FAULT, verb } from '../command/verb.ts'
import {
  commandProtocol,
  forms,
  headerForm,
  loadOptions,
  onlyForm,
  type ProtocolValues,
  protocolOptions,
} from '../options/protocol-options.ts'
import { schemaFiles } from '../options/schema-files.ts'
import { painter } from '../terminal/lines.ts'

type Reflection = Awaited<ReturnType<typeof loadSchema>>

/** A schema with its type numbers, by role. */
interface Version {
  root: Reflection
  types: Types
  numbers: Map<Role, Entry[]>
}

const form = {
  name: 'check',
  usage: '--schema FILE.proto [--against OLD.proto] [options]',
  about: `Reports what is wrong with a schema and its type numbers: numbers used twice, missing, or too large for the
    header. With --against, also what changed since an older version, and whether a peer that has that one would
    misread. Ends with 1 if anything is wrong or breaks.`,
  options: {
    ...protocolOptions,
    against: { type: 'string', multiple: true, value: 'FILE', help: 'the older version; may be repeated' },
    'against-header': {
      type: 'string',
      value: 'LAYOUT',
      help: "the older version's header; --against may then be left out",
      words: Object.keys(headers),
    },
    json: { type: 'boolean', help: 'a line of JSON for each finding' },
  },
  example: `git show v1:chat.proto > old.proto && qbp check --schema chat.proto --against old.proto`,
} as const

/** `qbp check`. */
export const run = verb(form, async (values, positionals, io) => {
  if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is no option: --schema ${positionals[0]}?`)
  const { schema, against } = values
  if (schema === undefined) throw new UsageError('no schema is given: --schema FILE.proto.')
  const given = values.header === undefined ? headers.default : await headerForm(values.header)
  const layouts = typeof given === 'string' ? { client: given, server: given } : given
  const typed = ROLES.filter((role) => hasType(layouts[role]))
  const now = await version(schema, values, typed)
  const section = (name: string) => messageType(name, now.types)
  const headersOf = { client: new Header(layouts.client, { section }), server: new Header(layouts.server, { section }) }
  const only = values.message === undefined ? undefined : await onlyForm(values.message)
  const beside = ROLES.flatMap((role) => {
    const message = typed.includes(role) ? undefined : formOf(only, role)
    return [...sectionsIn(layouts[role]), ...(typeof message === 'string' ? [message] : [])].map(section)
  })
  const findings = typed.length > 0 ? numbersOf(now, headersOf, beside) : []
  if (findings.length === 0) await commandProtocol(values) // All else that a Protocol asks for.
  if (against !== undefined) {
    const { package: _, ...rest } = values
    const old = await version(schemaFiles(against).files, values.package === undefined ? rest : values, typed)
    findings.push(...compare(versionOf(old), versionOf(now)), ...compareNumbers(old, now))
  }
  if (values['against-header'] !== undefined) {
    const was = await headerForm(values['against-header'])
    const before = typeof was === 'string' ? { client: was, server: was } : was
    for (const layout of Object.values(before)) new Header(layout, { section }) // One that is none is refused as such.
    findings.push(...compareLayouts(before, layouts))
  }
  const paint = painter(io)
  const colours = { fault: 'red', break: 'red', note: 'yellow' } as const
  for (const finding of findings) {
    const { level, place, text } = finding
    io.stdout.write(
      values.json
        ? `${JSON.stringify(finding)}\n`
        : `${paint(colours[level], level)} ${paint('bold', place)} ${text}\n`,
    )
  }
  const wrong = findings.filter(({ level }) => level !== 'note').length
  if (wrong === 0 && !values.json)
    io.stdout.write(
      `${against === undefined && values['against-header'] === undefined ? 'Nothing is wrong.' : 'Nothing breaks.'}\n`,
    )
  return wrong > 0 ? FAULT : DONE
})

const ROLES = ['client', 'server'] as const satisfies readonly Role[]

const versionOf = ({ root, types }: Version) => ({ root, package: types.package })

async function version(files: string[], values: ProtocolValues, roles: readonly Role[]): Promise<Version> {
  const root = await loadSchema(files, loadOptions(values))
  const types = makeTypes(describe(root), values.package ?? firstPackage(root), { int64: 'bigint' }, compiling)
  const form = await forms(values)
  const numbers = new Map<Role, Entry[]>()
  for (const role of roles) {
    const own = formOf(form, role)
    if (own !== undefined) numbers.set(role, entriesOf(own, types, role))
  }
  return { root, types, numbers }
}

const entriesOf = (form: TableForm, types: Types, role: Role): Entry[] => [...listEntries(form, types, role).values()]

/** @param beside messages that need no number: sections of headers, and the one of a header without a type. */
function numbersOf(
  { types, numbers }: Version,
  headers: Readonly<Record<Role, Header>>,
  beside: readonly unknown[],
): Finding[] {
  const findings = new Map<string, Finding>()
  const report = (level: Finding['level'], place: string, text: string) =>
    findings.set(`${place} ${text}`, { level, place, text })
  for (const [role, entries] of numbers) {
    const { maxType, text, typeNames } = headers[role]
    const seen = new Map<number | string, string>()
    for (const { name, type } of entries) {
      const twin = seen.get(type)
      if (twin !== undefined) report('fault', name, `has the type number ${type}, which is ${twin}'s`)
      seen.set(type, name)
      if (typeof type === 'string') {
        if (maxType !== 'text' && typeNames?.has(type) !== true)
          report('fault', name, `has the type ${type}; the header '${text}' holds numbers`)
      } else if (maxType === 'text')
        report('fault', name, `has the type number ${type}; the header '${text}' holds text`)
      else if (!Number.isInteger(type) || type < 0)
        report('fault', name, `has the type number ${type}, which is no whole number of 0 or more`)
      else if (typeof maxType === 'number' && type > maxType)
        report('fault', name, `has the type number ${type}; the header '${text}' holds at most ${maxType}`)
    }
  }
  // A message that is neither sent nor part of another was probably forgotten.
  const used = new Set<unknown>([...beside, ...[...numbers.values()].flat().map(({ body }) => body)])
  for (const type of types.types.values())
    for (const { message } of type.fields) if (message !== type) used.add(message)
  for (const type of types.types.values()) {
    if (used.has(type) || type.fullName.startsWith('google.protobuf.')) continue
    if (types.package === '' || type.fullName.startsWith(`${types.package}.`)) {
      report('note', type.name, 'has no type number, and no other message has a field of it')
    }
  }
  return [...findings.values()]
}

function compareNumbers(old: Version, now: Version): Finding[] {
  const findings = new Map<string, Finding>()
  const report = (level: Finding['level'], place: string, text: string) =>
    findings.set(`${place} ${text}`, { level, place, text })
  for (const [role, entries] of old.numbers) {
    const current = now.numbers.get(role) ?? []
    for (const { name, type } of entries) {
      const same = current.find((entry) => entry.name === name)
      const taker = current.find((entry) => entry.type === type)
      if (same !== undefined && same.type !== type)
        report('break', name, `its type number was ${type} and is ${same.type}`)
      else if (same === undefined && taker === undefined)
        report('break', name, `its type number ${type} is gone: an old peer may still send it`)
      if (same === undefined && taker !== undefined)
        report('break', name, `its type number ${type} is ${taker.name}'s now`)
    }
  }
  return [...findings.values()]
}
