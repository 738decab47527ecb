// A file of canned answers, a line each. A value '$field' is that of the message that is answered.
//
//   # when somebody connects
//   open -> Welcome {room: "den"}
//   Join -> Welcome {room: "$room"}
//   Say  -> Said {room: "$room", text: "$text"}
//   *    -> Refused {reason: "UNKNOWN"}

import { other } from '../../base/role.ts'
import type { Protocol, Role } from '../../index.ts'
import { entryNamed } from '../../protojson/frame-json.ts'
import { errorText, Fault } from '../command/fault.ts'
import { parseTyped, type TypedMessage, typedToMessage } from './typed-message.ts'

/** What is answered to what. */
export class Answers {
  readonly #protocol: Protocol
  readonly #role: Role
  /** By the name of the message that they answer, or `open`, or `*`. */
  readonly #answers = new Map<string, TypedMessage[]>()

  private constructor(protocol: Protocol, role: Role) {
    this.#protocol = protocol
    this.#role = role
  }

  /** @throws {Fault} with the number of a line that does not read. */
  static async parse(text: string, protocol: Protocol, role: Role): Promise<Answers> {
    const answers = new Answers(protocol, role)
    const received = protocol.sent[other(role)]
    for (const [i, line] of text.split('\n').entries()) {
      if (/^\s*(#.*)?$/.test(line)) continue
      try {
        const [, on = '', answer = ''] = /^\s*([\w.]+|\*)\s*->\s*(.*)$/.exec(line) ?? []
        if (on === '') throw new Fault('it is no answer, such as Say -> Said {text: "$text"}')
        const key = on === 'open' || on === '*' ? on : entryNamed(received, on)?.name
        if (key === undefined) throw new Fault(`no message '${on}' can come`)
        const typed = await parseTyped(answer)
        typedToMessage(protocol, role, { name: typed.name, fields: {} }) // Is there such a message?
        answers.#answers.set(key, [...(answers.#answers.get(key) ?? []), typed])
      } catch (error) {
        throw new Fault(`line ${i + 1}: ${errorText(error as Error)}`)
      }
    }
    return answers
  }

  /** The messages to answer with. @throws {Fault} for one that does not fit its fields. */
  to(name: string | 'open', received: unknown = {}): object[] {
    const answers = this.#answers.get(name) ?? (name === 'open' ? [] : (this.#answers.get('*') ?? []))
    return answers.map(({ name, fields }) =>
      typedToMessage(this.#protocol, this.#role, { name, fields: filled(fields, received) }),
    )
  }
}

/** A copy of the fields with every '$path' replaced by what stands there in the message received, or left out. */
function filled(value: unknown, received: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('$')) {
    return value.startsWith('$$') ? value.slice(1) : valueAt(received, value.slice(1).split('.'))
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, received))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [key, filled(item, received)])
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined))
}

const valueAt = (value: unknown, path: string[]): unknown =>
  path.reduce(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  )
