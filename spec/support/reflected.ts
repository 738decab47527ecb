import protobuf from 'protobufjs'
import { Protocol, type ProtocolOptions, plainForms } from '../../lib/index.ts'
import { describeNamespace } from '../../lib/protocol/schema/reflect.ts'

/** A Protocol of what protobufjs has parsed, at once: `Protocol.load` takes it too, and is asynchronous. */
export function reflectedProtocol(namespace: protobuf.NamespaceBase, options: ProtocolOptions = {}): Protocol {
  const { description, package: home } = describeNamespace(namespace)
  const { int64 = 'bigint', enums, wellKnown } = options
  const forms = {
    int64,
    ...(enums === 'names' && { enumValues: enums }),
    ...(wellKnown === 'plain' && { wellKnown: plainForms }),
  }
  return Protocol.from({ ...description, package: options.package ?? home, ...forms }, options)
}

/** The same of the text of a .proto, or of protobufjs's JSON. */
export const rootOf = (schema: string | object): protobuf.Root =>
  typeof schema === 'string' ? protobuf.parse(schema, { keepCase: false }).root : protobuf.Root.fromJSON(schema)
