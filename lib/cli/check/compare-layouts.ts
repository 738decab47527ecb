// What changed between two headers: a peer that has the old one reads everything from there on wrong.

import type { Role } from '../../index.ts'
import type { Finding } from './finding.ts'

type Layouts = Readonly<Record<Role, string>>

/** A part in two: what it is called, and what it is on the wire. `id:u32` is `id` and `:u32`. */
const OWN_FIELD = /^(?!length\b|type\b)([A-Za-z]\w*)(:.+)$/

/** What changed in the headers, of each role or of both at once. */
export function compareLayouts(before: Layouts, after: Layouts): Finding[] {
  const findings = new Map<string, Finding>()
  const alike = before.client === before.server && after.client === after.server
  for (const role of alike ? (['client'] as const) : (['client', 'server'] as const)) {
    const place = alike ? 'header' : `header of the ${role}`
    for (const { level, text } of compareParts(partsOf(before[role]), partsOf(after[role])))
      findings.set(`${place} ${text}`, { level, place, text })
  }
  return [...findings.values()]
}

/** The parts of a line; a text constant and a bracket are one each, and hex is written in one way. */
const partsOf = (line: string): string[] =>
  [...line.matchAll(/"(?:[^"\\]|\\.)*"|\[[^\]]*\](?::\w+)?|\S+/g)].map(([part]) =>
    part.startsWith('"')
      ? `0x${Buffer.from(JSON.parse(part) as string, 'latin1').toString('hex')}`
      : /^0x/i.test(part)
        ? part.toLowerCase()
        : part.startsWith('[')
          ? part.replaceAll(/\s+/g, ' ')
          : part,
  )

function* compareParts(
  before: readonly string[],
  after: readonly string[],
): Generator<Pick<Finding, 'level' | 'text'>> {
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    const [old, now] = [before[i], after[i]]
    if (old === now) continue
    if (old === undefined || now === undefined) {
      const what = old === undefined ? `${now} is new` : `${old} is gone`
      yield { level: 'break', text: `${what}: an old peer reads all that follows it wrong` }
      return
    }
    const [, oldName, oldKind] = OWN_FIELD.exec(old) ?? []
    const [, name, kind] = OWN_FIELD.exec(now) ?? []
    if (oldKind !== undefined && oldKind === kind) {
      yield {
        level: 'note',
        text: `${oldName}${kind} is called ${name} now: the same on the wire, another name in $header`,
      }
      continue
    }
    yield { level: 'break', text: `${old} was where ${now} is: an old peer reads it, and all that follows, wrong` }
    return
  }
}
