import type { Field, Type } from '../../codec/type.ts'
import { sectionsIn } from '../../framing/layout/parse-layout.ts'
import type { Protocol, Role } from '../../index.ts'
import { embedded } from '../embedded.ts'
import { lua } from './lua.ts'
import { rowTables } from './row-tables.ts'

/** How a dissector is made. */
export interface DissectorOptions {
  /** What its filters begin with: `qbp_chat`. */
  name: string
  /** TCP ports of servers. None: it waits under "Decode As". */
  ports: readonly number[]
}

/** The Lua of a Wireshark dissector for a protocol: tables made of its layout, tables and messages, and code that reads them. */
export function dissector(protocol: Protocol, { name, ports }: DissectorOptions): string {
  const types = reached(protocol)
  const entries = (role: Role) =>
    protocol.sent[role].entries.map(({ name: own, type, body }) => {
      const of = typeof body === 'string' ? '' : `, of = ${lua(body.fullName)}`
      return `  [${typeof type === 'string' ? lua(type) : type}] = { name = ${lua(own)}${of} },`
    })
  const enums = new Map(
    [...types].flatMap(({ fields }) => fields.flatMap((field) => (field.enum ? [[field.enum.name, field.enum]] : []))),
  )
  return [
    '-- Made by `qbp wireshark`. Changes are lost when it runs again.',
    `-- Use it: tshark -X lua_script:FILE, or copy it to Wireshark's folder of personal Lua plugins (Help, About, Folders).`,
    `local NAME = ${lua(name)}`,
    `local TITLE = ${lua(name.toUpperCase())}`,
    `local PORTS = { ${ports.join(', ')} }`,
    'local ROWS = {}',
    ...(['client', 'server'] as const).flatMap((role) => [
      ...(role === 'server' && protocol.symmetric
        ? ['local SERVER = CLIENT']
        : [
            `local ${role.toUpperCase()} = { layout = ${lua(protocol.headers[role].text)}, entries = {`,
            ...entries(role),
            '} }',
          ]),
      ...(role === 'server' && protocol.symmetric
        ? []
        : rowTables(protocol.headers[role], protocol, role.toUpperCase())),
    ]),
    'local ENUMS = {',
    ...[...enums].map(([key, { names }]) => {
      const values = [...names].map(([number, text]) => `[${number}] = ${lua(text)}`)
      return `  [${lua(key)}] = { ${values.join(', ')} },`
    }),
    '}',
    'local TYPES = {',
    ...[...types].flatMap(typeTables),
    '}',
    embedded().lua,
  ].join('\n')
}

/** All message types that frames can hold. */
function reached(protocol: Protocol): Set<Type> {
  const types = new Set<Type>()
  const add = (type: Type): void => {
    if (types.has(type)) return
    types.add(type)
    for (const { message } of type.fields) if (message !== null) add(message)
  }
  for (const role of ['client', 'server'] as const) {
    for (const { body } of protocol.sent[role].entries) if (typeof body !== 'string') add(body)
    for (const name of sectionsIn(protocol.headers[role].text)) add(protocol.messageType(name))
  }
  return types
}

/** A message's table, and those of the entries of its maps. */
function typeTables(type: Type): string[] {
  const fields = type.fields.map((field) => {
    const of = field.key === null ? (field.message?.fullName ?? field.enum?.name) : entryName(type, field)
    const parts = [`name = ${lua(field.name)}`, `kind = ${lua(field.key === null ? field.kind : 'message')}`]
    if (of !== undefined) parts.push(`of = ${lua(of)}`)
    if (field.repeated) parts.push('repeated = true')
    if (field.group) parts.push('group = true')
    return `    [${field.id}] = { ${parts.join(', ')} },`
  })
  const table = [`  [${lua(type.fullName)}] = { filter = ${lua(type.name)}, fields = {`, ...fields, '  } },']
  const maps = type.fields.filter((field) => field.key !== null)
  return [...table, ...maps.flatMap((field) => entryTable(type, field))]
}

const entryName = (type: Type, field: Field): string => `${type.fullName}.${field.name}[]`

function entryTable(type: Type, field: Field): string[] {
  const of = field.message?.fullName ?? field.enum?.name
  return [
    `  [${lua(entryName(type, field))}] = { filter = ${lua(`${type.name}.${field.name}`)}, fields = {`,
    `    [1] = { name = 'key', kind = ${lua(field.key as string)} },`,
    `    [2] = { name = 'value', kind = ${lua(field.kind)}${of === undefined ? '' : `, of = ${lua(of)}`} },`,
    '  } },',
  ]
}
