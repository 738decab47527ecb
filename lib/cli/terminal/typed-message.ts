import type { Protocol, Role } from '../../index.ts'
import { entryNamed, frameFromJson } from '../../protojson/frame-json.ts'
import { Fault } from '../command/fault.ts'
import { parseJson5 } from './json5.ts'

/** A message as people type it: `Say {text: "hi"}`, with `$header` among its fields where the header has some. */
export interface TypedMessage {
  name: string | undefined
  fields: unknown
}

/**
 * Reads a message as it is typed: a name, and its fields in JSON5. Where a role sends one message its name may be left out.
 *
 * @throws {Fault}
 */
export async function parseTyped(text: string): Promise<TypedMessage> {
  const [, name, fields = ''] = /^\s*(\.?[A-Za-z_][\w.]*)?\s*(\{.*\})?\s*$/s.exec(text) ?? []
  if (name === undefined && fields === '')
    throw new Fault(`'${text.trim()}' does not read: type a name and fields, such as Say {text: "hi"}.`)
  try {
    return { name, fields: fields === '' ? {} : await parseJson5(fields) }
  } catch (error) {
    throw new Fault(`The fields do not read: ${(error as Error).message}.`)
  }
}

/** The message to write. @throws {QbpError} that names the field. */
export function typedToMessage(protocol: Protocol, sender: Role, { name, fields }: TypedMessage): object {
  const { $header: header, ...message } = fields as Record<string, unknown>
  const withHeader = header === undefined ? {} : { header }
  // Without a name it is the one message's fields, or a line of `qbp decode`.
  if (name === undefined)
    return { ...frameFromJson(protocol, sender, message), ...(header !== undefined && { $header: header }) }
  if (entryNamed(protocol.sent[sender], name)?.body !== 'raw')
    return frameFromJson(protocol, sender, { name, message, ...withHeader })
  return frameFromJson(protocol, sender, { name, ...message, ...withHeader })
}
