// Compiled schemas: a FileDescriptorSet of protoc's, or an image of buf's. What protobufjs's parser cannot take can be loaded so.

import protobuf from 'protobufjs'

// biome-ignore lint/suspicious/noExplicitAny: descriptor.proto's messages, as protobufjs has them.
type Descriptor = any

interface DescriptorModule {
  default: protobuf.Namespace & { FileDescriptorSet: protobuf.Type }
}

const descriptorModule = async (): Promise<DescriptorModule['default']> =>
  ((await import('protobufjs/ext/descriptor.js')) as unknown as DescriptorModule).default

/** Whether a file is a descriptor set: one begins with its first file (field 1), which begins with its name (field 1). */
export function isDescriptorSet(path: string, bytes: Uint8Array): boolean {
  if (/\.proto$/.test(path)) return false
  if (isJson(bytes)) return /^\s*\{\s*"file"\s*:\s*\[/.test(new TextDecoder().decode(bytes.subarray(0, 200)))
  if (/\.(binpb|pb|desc|fds|protoset|bin)$/.test(path)) return true
  if (bytes[0] !== 0x0a) return false
  let pos = 1
  while ((bytes[pos] ?? 0) > 127) pos++
  return bytes[pos + 1] === 0x0a
}

/**
 * Adds all files of a descriptor set to a root.
 *
 * @returns the package of the set's last file that is none of Google's: the files that another imports come before it.
 */
export async function addDescriptors(
  root: protobuf.Root,
  path: string,
  bytes: Uint8Array,
  keepCase: boolean,
): Promise<string> {
  const { FileDescriptorSet } = await descriptorModule()
  const set: Descriptor = isJson(bytes) ? fromJson(FileDescriptorSet, bytes) : decoded(FileDescriptorSet, bytes)
  if (set.file.length === 0) throw new Error('it has no file')
  const { fromDescriptor } = protobuf.Root as unknown as {
    fromDescriptor(set: Descriptor, options: { keepCase: boolean }): protobuf.Root
  }
  setAside(set)
  const json = fromDescriptor(set, { keepCase }).toJSON()
  root.addJSON((json.nested ?? {}) as Record<string, protobuf.AnyNestedObject>)
  const extensions = extensionsOf(set)
  for (const file of set.file) {
    const scope: protobuf.NamespaceBase = file.package ? root.define(file.package) : root
    const filename = `${path}(${file.name})`
    for (const message of file.messageType) finish(scope, message, extensions, filename, keepCase)
    for (const { name } of [...file.enumType, ...file.service]) {
      const object = scope.nested?.[name]
      if (object !== undefined) object.filename = filename
    }
  }
  const own = set.file.filter((file: Descriptor) => !/^google\/protobuf\/|^qbp\/options\.proto$/.test(file.name))
  return (own.at(-1) ?? set.file.at(-1)).package ?? ''
}

const isJson = (bytes: Uint8Array): boolean => bytes[0] === 0x7b

function decoded(FileDescriptorSet: protobuf.Type, bytes: Uint8Array): Descriptor {
  const reader = protobuf.Reader.create(bytes) as protobuf.Reader & { discardUnknown: boolean }
  reader.discardUnknown = false // Custom options are unknown fields to it.
  return FileDescriptorSet.decode(reader)
}

/** An image of buf's in JSON, whose custom options stand in brackets: `"[qbp.type]": 7`. */
function fromJson(FileDescriptorSet: protobuf.Type, bytes: Uint8Array): Descriptor {
  const json: Descriptor = JSON.parse(new TextDecoder().decode(bytes))
  const set: Descriptor = FileDescriptorSet.fromObject(json)
  const see = (messages: Descriptor[], originals: Descriptor[] = []) => {
    for (const [i, message] of messages.entries()) {
      const { options = {}, nestedType } = originals[i] ?? {}
      message.ownOptions = Object.entries(options).flatMap(([key, value]) => {
        const name = /^\[(.*)\]$/.exec(key)?.[1]
        return name === undefined ? [] : [[`(${name})`, value]]
      })
      see(message.nestedType, nestedType)
    }
  }
  for (const [i, file] of set.file.entries()) see(file.messageType, json.file[i].messageType)
  return set
}

/** protobufjs reads no defaults of 64 bits to the last digit, nor bytes as they are escaped: those are set by `finish`. */
function setAside(set: Descriptor): void {
  for (const file of set.file) for (const message of file.messageType) setAsideOf(message)
}

const LARGE = new Set([3, 4, 6, 16, 18, 12]) // The 64-bit kinds and bytes, as FieldDescriptorProto numbers them.

function setAsideOf(message: Descriptor): void {
  for (const field of message.field) {
    field.ownJsonName = field.jsonName // Which protobufjs would take for the field's name.
    field.jsonName = protobuf.util.camelCase(field.name)
    if (!LARGE.has(field.type) || !field.defaultValue) continue
    field.ownDefault = field.defaultValue
    delete field.defaultValue
  }
  for (const nested of message.nestedType) setAsideOf(nested)
}

interface Extension {
  name: string
  type: number
}

/** The extensions of MessageOptions, by number. */
function extensionsOf(set: Descriptor): Map<number, Extension> {
  // The one that is Qbp's own, which is known without its file.
  const found = new Map<number, Extension>()
  const see = (scope: string, list: Descriptor[]) => {
    for (const { extendee, number, name, type } of list)
      if (extendee === '.google.protobuf.MessageOptions') found.set(number, { name: `(${scope}${name})`, type })
  }
  const visit = (scope: string, message: Descriptor) => {
    see(`${scope}${message.name}.`, message.extension)
    for (const nested of message.nestedType) visit(`${scope}${message.name}.`, nested)
  }
  for (const file of set.file) {
    const scope = file.package ? `${file.package}.` : ''
    see(scope, file.extension)
    for (const message of file.messageType) visit(scope, message)
  }
  return found
}

/** Sets what the way through protobufjs's reflection has lost of a message: custom options, large defaults, the file's name. */
function finish(
  scope: protobuf.NamespaceBase,
  message: Descriptor,
  extensions: ReadonlyMap<number, Extension>,
  filename: string,
  keepCase: boolean,
): void {
  const type = scope.nested?.[message.name]
  if (!(type instanceof protobuf.Type)) return
  type.filename = filename
  for (const [name, value] of message.ownOptions ?? customOptions(message.options, extensions))
    type.setOption(name, value)
  for (const field of message.field) {
    const target = type.fields[keepCase ? field.name : protobuf.util.camelCase(field.name)]
    if (target === undefined) continue
    if (field.ownJsonName) (target as { jsonName?: string }).jsonName = field.ownJsonName
    if (field.ownDefault !== undefined)
      target.setOption('default', field.type === 12 ? unescaped(field.ownDefault) : field.ownDefault)
  }
  for (const nested of message.nestedType) finish(type, nested, extensions, filename, keepCase)
}

/** In a descriptor the default of `bytes` is escaped as in C. */
const unescaped = (text: string): string => (protobuf as unknown as Tokenizer).tokenize.unescape(text)
interface Tokenizer {
  tokenize: { unescape(text: string): string }
}

/** Options of numbers, enums, bools and text, out of what protobufjs keeps as unknown fields. */
function* customOptions(
  options: Descriptor,
  extensions: ReadonlyMap<number, Extension>,
): Generator<[name: string, value: unknown]> {
  for (const bytes of (options?.$unknowns ?? []) as Uint8Array[]) {
    const reader = protobuf.Reader.create(bytes)
    const extension = extensions.get(reader.uint32() >>> 3)
    const read = extension === undefined ? undefined : READERS[extension.type]
    if (extension !== undefined && read !== undefined) yield [extension.name, plainNumber(reader[read]() as never)]
  }
}

const plainNumber = (value: unknown): unknown => (typeof value === 'object' && value !== null ? Number(value) : value)

/** By the number of a kind in FieldDescriptorProto. */
const READERS: Record<
  number,
  keyof protobuf.Reader &
    (
      | 'int32'
      | 'uint32'
      | 'sint32'
      | 'int64'
      | 'uint64'
      | 'sint64'
      | 'fixed32'
      | 'sfixed32'
      | 'fixed64'
      | 'sfixed64'
      | 'bool'
      | 'string'
      | 'float'
      | 'double'
    )
> = {
  1: 'double',
  2: 'float',
  3: 'int64',
  4: 'uint64',
  5: 'int32',
  6: 'fixed64',
  7: 'fixed32',
  8: 'bool',
  9: 'string',
  13: 'uint32',
  14: 'int32',
  15: 'sfixed32',
  16: 'sfixed64',
  17: 'sint32',
  18: 'sint64',
}
