import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import { bytesOf } from '../codec/bytes.ts'
import { Peek } from '../codec/peek.ts'
import type { FieldIn, NameIn, Peeked, Typed } from './body-types.ts'
import type { SchemaProtocol } from './schema-protocol.ts'

type PeekedProtocol = Pick<SchemaProtocol, 'messageType'> & Typed

/**
 * Makes a function that reads some fields of bodies of one message and passes over the others: for a gateway that looks at one field and
 * passes the frame on as it came, as a message whose entry is `raw`.
 *
 * What was not asked for is not looked at, nor checked.
 *
 * @param name relative to the package, or in full.
 * @param fields named like those of messages.
 * @returns a function of a body that gives the message without the other fields. It throws ERR_QBP_INVALID_BODY and ERR_QBP_NOT_BYTES, as `decode`.
 * @throws {QbpError} ERR_QBP_BAD_TABLE for a name that is none; ERR_QBP_BAD_OPTION for a field that the message does not have.
 */
export function peek<P extends PeekedProtocol, const N extends string, const F extends FieldIn<P, N>>(
  protocol: P,
  name: N | NameIn<P>,
  fields: readonly F[],
): (body: Uint8Array) => Peeked<P, N, F>
export function peek(protocol: PeekedProtocol, name: string, fields: readonly string[]): (body: Uint8Array) => object {
  if (!Array.isArray(fields))
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `fields is ${shown(fields)}; it is a list of names: protocol.peek('Name', ['field']).`,
      { option: 'fields' },
    )
  const made = new Peek(protocol.messageType(name), fields)
  return (body) => {
    const bytes = bytesOf('The body', body)
    return made.read(bytes, 0, bytes.length)
  }
}
