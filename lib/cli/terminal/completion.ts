import type { Field, Type } from '../../codec/type.ts'
import type { Protocol, Role } from '../../index.ts'

/** A message, list or map that a brace or bracket has opened: the field that a value belongs to, once it was named. */
interface Scope {
  type: Type | null
  field: Field | null
  /** In a map, names are keys, and `field` is the map's. */
  isMap: boolean
  expects: 'name' | 'value'
}

const TOKEN = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[\w.$+-]+|[{}[\]:,]/g

/**
 * What a message typed so far can go on with: names of messages, then of fields, of enum values, and of what is nested.
 *
 * @returns the candidates, and the end of the text that each of them replaces, as node:readline wants them.
 */
export function complete(protocol: Protocol, sender: Role, text: string): [string[], string] {
  const { entries, only } = protocol.sent[sender]
  const [, start = ''] = /^\s*([\w.]*)$/.exec(text) ?? []
  if (start !== '' || text.trim() === '')
    return matching(
      entries.map(({ name }) => `${name} {`),
      start,
    )
  const [, name = '', rest = ''] = /^\s*([\w.]*)\s*(.*)$/s.exec(text) ?? []
  const entry = name === '' ? only : protocol.sent[sender].byName(name)
  if (entry === undefined || typeof entry.body === 'string') return [[], '']

  const tokens = rest.match(TOKEN) ?? []
  // A word at the very end is still being typed.
  const last = /[\w.$"'+-]$/.test(rest) ? (tokens.pop() ?? '') : ''
  const scope = tokens.reduce((scopes, token) => step(scopes, token, entry.body as Type), [] as Scope[]).at(-1)
  if (scope === undefined) return [[], '']
  if (scope.expects === 'value') return matching(values(scope.field), last)
  return scope.isMap
    ? [[], '']
    : matching(
        (scope.type?.fields ?? []).map((field) => `${field.jsonName}: `),
        last,
      )
}

function step(scopes: Scope[], token: string, outermost: Type): Scope[] {
  const scope = scopes.at(-1)
  switch (token) {
    case '{': {
      const map = scope !== undefined && scope.field?.key != null && !scope.isMap
      const type = scope === undefined ? outermost : (scope.field?.message ?? null)
      return [
        ...scopes,
        { type: map ? null : type, field: map ? (scope?.field ?? null) : null, isMap: map, expects: 'name' },
      ]
    }
    case '[':
      return [...scopes, { type: null, field: scope?.field ?? null, isMap: false, expects: 'value' }]
    case '}':
    case ']':
      return scopes.slice(0, -1)
  }
  if (scope === undefined) return scopes
  if (token === ':') scope.expects = 'value'
  // A list goes on with values, everything else with names.
  else if (token === ',') scope.expects = scope.type === null && !scope.isMap ? 'value' : 'name'
  else if (scope.expects === 'name' && !scope.isMap) {
    const name = token.replaceAll(/["']/g, '')
    scope.field = scope.type?.fields.find((field) => field.jsonName === name || field.name === name) ?? null
  }
  return scopes
}

function values(field: Field | null): string[] {
  if (field?.kind === 'enum') return [...(field.enum?.numbers.keys() ?? [])].map((name) => `"${name}"`)
  if (field?.kind === 'bool') return ['true', 'false']
  return field?.kind === 'message' ? ['{'] : []
}

const matching = (candidates: string[], start: string): [string[], string] => [
  candidates.filter((candidate) => candidate.toLowerCase().startsWith(start.toLowerCase())),
  start,
]

/** What is said of a message where somebody asks for it: its fields and their kinds. */
export function describe(type: Type): string {
  const kind = ({ kind, key, repeated, enum: values, message }: Field): string => {
    const own = values?.name ?? message?.name ?? kind
    return key === null ? `${own}${repeated ? '[]' : ''}` : `{ ${key}: ${own} }`
  }
  return `${type.name} {${type.fields.map((field) => `${field.jsonName}: ${kind(field)}`).join(', ')}}`
}
