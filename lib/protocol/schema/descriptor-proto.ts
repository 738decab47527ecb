// descriptor.proto, which every schema with an option of its own imports, and which is longer than most: its text is read only where
// a schema is of its messages. Elsewhere the messages of options stand in its place, empty, for the extensions of them.

import protobuf from 'protobufjs'
import type { Description, FieldDescription } from '../description.ts'
import { DESCRIBED } from './bundled.ts'

export const DESCRIPTOR = 'google/protobuf/descriptor.proto'

const PACKAGE = 'google.protobuf'
/** The least number of an option of one's own: lesser ones are descriptor.proto's. */
const LEAST_EXTENSION = 1000
const OPTION_MESSAGES: ReadonlySet<string> = new Set(
  ['File', 'Message', 'Field', 'Oneof', 'Enum', 'EnumValue', 'ExtensionRange', 'Service', 'Method'].map(
    (scope) => `${scope}Options`,
  ),
)

let parsed: Pick<Description, 'messages' | 'enums'> | undefined
const described = (): Pick<Description, 'messages' | 'enums'> => (parsed ??= JSON.parse(DESCRIBED))

/** Adds the messages of options without their fields. */
export function addOptionMessages(root: protobuf.Root): void {
  const message = { edition: 'proto2', fields: {}, extensions: [[LEAST_EXTENSION, 2 ** 29 - 1]] }
  const nested = Object.fromEntries(Array.from(OPTION_MESSAGES, (name) => [name, message]))
  root.define(PACKAGE).addJSON(nested)
}

/** Whether a schema may be of more than options of its own: where it names anything else that descriptor.proto has. */
export function isDescriptorNamed(root: protobuf.Root): boolean {
  const names = new Set<string>()
  const { messages, enums } = described()
  for (const name of [...Object.keys(messages), ...Object.keys(enums)]) names.add(name.split('.')[2] as string)
  const isNamed = (name: string) => name.split('.').some((part) => names.has(part))
  const isOption = ({ extend = '', id }: protobuf.Field) =>
    id >= LEAST_EXTENSION && OPTION_MESSAGES.has(extend.split('.').at(-1) as string)
  const namesIt = (object: protobuf.ReflectionObject): boolean => {
    if (object instanceof protobuf.Field)
      return isNamed(object.type) || (object.extend !== undefined && isNamed(object.extend) && !isOption(object))
    if (object instanceof protobuf.Type && object.fieldsArray.some(namesIt)) return true
    if (object instanceof protobuf.Service)
      return object.methodsArray.some(({ requestType, responseType }) => isNamed(requestType) || isNamed(responseType))
    return object instanceof protobuf.Namespace && object.nestedArray.some(namesIt)
  }
  const own = root.lookup(PACKAGE, [protobuf.Namespace]) as protobuf.Namespace | null
  return namesIt(root) || (own?.nestedArray.some(({ name }) => names.has(name)) ?? false)
}

/** The description of a schema whose root has the messages of options alone: as if descriptor.proto had been read. */
export function withDescriptor(description: Description, keepCase = false): Description {
  const { messages, enums } = described()
  const own = keepCase ? asDeclared : (field: FieldDescription) => field
  const whole = Object.entries(messages).map(([name, { fields }]) => {
    const extensions = description.messages[name]?.fields ?? []
    return [name, { fields: [...fields.map(own), ...extensions] }]
  })
  return {
    ...description,
    messages: { ...description.messages, ...Object.fromEntries(whole) },
    enums: { ...description.enums, ...enums },
  }
}

/** A field with its name of the .proto. */
function asDeclared({ name, protoName = name, jsonName = name, ...rest }: FieldDescription): FieldDescription {
  return { name: protoName, ...(jsonName !== protoName && { jsonName }), ...rest }
}
