// Layouts that are more than a shape: those of protocols that exist, and any whose lengths stand in a message before the body. Each is
// tried as it stands, by the library's own reader.

import { Header } from '../../framing/header.ts'
import { fieldsIn } from '../../framing/section-numbers.ts'
import { headers, type Role } from '../../index.ts'
import { isMessage } from './bodies.ts'
import { lengthOf } from './lengths.ts'
import { SECTION_LENGTHS } from './shapes.ts'

/** One layout, or each role's. */
export type HeaderForm = string | { readonly client: string; readonly server: string }

/** A layout to be tried. */
export interface KnownLayout {
  readonly form: HeaderForm
  readonly hasPreamble: boolean
  readonly name: keyof typeof headers | undefined
  readonly oddity: number
  readonly of: (role: Role) => Header
}

const SECTION_ODDITY = 6
const PLACE_ODDITY = 2
/** Layouts without a name that are known: docs/existing-protocols.md. */
const OTHERS = [
  'length(rest):u32 length(Head):u32 {Head} ( length:u32 body )?',
  'length(rest):u32 length(Head):varint {Head} ( length:varint body )?',
  '"PBDEMS2" 0x00 skip:bytes(8) | type:varint tick:varint length:varint',
  'length(rest):u32le "VT01" [proto:1 type:31]:u32le length(Head):u32le {Head}',
]

/** Those that shapes do not say. */
const isMore = (text: string): boolean => /[{|"]|\bbody\b/.test(text)

let known: readonly KnownLayout[] | undefined

/** The layouts of protocols that exist. */
export function knownLayouts(): readonly KnownLayout[] {
  known ??= [
    ...Object.entries(headers).flatMap(([name, form]) =>
      typeof form !== 'string' || isMore(form) ? [layoutOf(form, name as keyof typeof headers)] : [],
    ),
    ...OTHERS.map((form) => layoutOf(form)),
  ]
  return known
}

function layoutOf(form: HeaderForm, name?: KnownLayout['name'], oddity = SECTION_ODDITY): KnownLayout {
  const { client, server } = typeof form === 'string' ? { client: form, server: form } : form
  const made: Partial<Record<Role, Header>> = {}
  const of = (role: Role) => {
    made[role] ??= new Header(role === 'client' ? client : server, { isInterpreted: true })
    return made[role]
  }
  const hasPreamble = [client, server].some((text) => text.includes('|'))
  return { form, hasPreamble, name, oddity, of }
}

/** What a stream has that is looked at from after its preamble on. */
export function withoutPreamble({ form, oddity }: KnownLayout): KnownLayout {
  const rest = (text: string) => text.replace(/^.*\|\s*/, '')
  return layoutOf(
    typeof form === 'string' ? rest(form) : { client: rest(form.client), server: rest(form.server) },
    undefined,
    oddity,
  )
}

/** How many bytes of each frame are constants. */
export const constantsOf = (form: HeaderForm): number => layoutOf(form).of('client').start.length

/** How many bytes are constants that a stream begins with. */
export function markOf(form: HeaderForm): number {
  const text = typeof form === 'string' ? form : form.client
  return constantsOf(text.replace(/\|.*$/, 'length:u8')) || constantsOf(form)
}

/** So much of a message before the body is looked at. */
const MOST_FIELDS = 12
const MOST_TYPE = 65_535
const TYPE_TEXT = /^[ -~]{1,40}$/

/** Layouts whose length, and type if there is one, stand in a message before the body, as the first bytes allow. */
export function* placedLayouts(bytes: Uint8Array): Generator<KnownLayout> {
  for (const kind of SECTION_LENGTHS) {
    const [size, at] = lengthOf(bytes, 0, kind)
    if (at < 0 || size < 2 || at + size > bytes.length || !isMessage(bytes, at, at + size)) continue
    const section = bytes.subarray(at, at + size)
    const fields = [...fieldsIn(section)].slice(0, MOST_FIELDS)
    for (const { number, wire, value, end } of fields) {
      if (wire !== 0) continue
      const [length] = lengthOf(section.subarray(value, end), 0, 'varint')
      if (length < 1 || at + size + length > bytes.length) continue
      const start = `length(Head):${kind} {Head}`
      const oddity = SECTION_ODDITY + PLACE_ODDITY
      yield layoutOf(`${start} length=Head.${number}`, undefined, oddity)
      for (const other of fields)
        if (other.number !== number && isType(section, other))
          yield layoutOf(`${start} type=Head.${other.number} length=Head.${number}`, undefined, oddity - 0.5)
    }
  }
}

/** Whether a field may be the message's type: a small number, or a short text. */
function isType(section: Uint8Array, { wire, value, end }: { wire: number; value: number; end: number }): boolean {
  const content = section.subarray(value, end)
  if (wire === 0) return lengthOf(content, 0, 'varint')[0] <= MOST_TYPE
  return wire === 2 && TYPE_TEXT.test(Buffer.from(content).toString('latin1'))
}
