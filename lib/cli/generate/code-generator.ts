// A plug-in of protoc and buf: a CodeGeneratorRequest comes in, a CodeGeneratorResponse goes out.
// https://protobuf.dev/reference/other/ (google/protobuf/compiler/plugin.proto)

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Protocol, type Schema } from '../../index.ts'
import { firstPackage, loadSchema } from '../../protocol/schema/load.ts'
import { layoutsText } from './layout-text.ts'
import { generateModule } from './module.ts'
import { pluginOptions } from './plugin-options.ts'
import { fileName, packageOf } from './reflection.ts'

/** The two messages of plugin.proto, as far as they are used here. What is said of files is bytes: a descriptor set takes them as they are. */
const plugin: Schema = {
  package: 'google.protobuf.compiler',
  int64: 'number',
  packages: ['google.protobuf.compiler'],
  enums: {},
  services: {},
  messages: {
    'google.protobuf.compiler.CodeGeneratorRequest': {
      fields: [
        { name: 'fileToGenerate', id: 1, kind: 'string', repeated: true },
        { name: 'parameter', id: 2, kind: 'string' },
        { name: 'protoFile', id: 15, kind: 'bytes', repeated: true },
      ],
    },
    'google.protobuf.compiler.CodeGeneratorResponse': {
      fields: [
        { name: 'error', id: 1, kind: 'string' },
        { name: 'supportedFeatures', id: 2, kind: 'uint64' },
        { name: 'minimumEdition', id: 3, kind: 'int32' },
        { name: 'maximumEdition', id: 4, kind: 'int32' },
        {
          name: 'file',
          id: 15,
          kind: 'message',
          type: 'google.protobuf.compiler.CodeGeneratorResponse.File',
          repeated: true,
        },
      ],
    },
    'google.protobuf.compiler.CodeGeneratorResponse.File': {
      fields: [
        { name: 'name', id: 1, kind: 'string' },
        { name: 'content', id: 15, kind: 'string' },
      ],
    },
    'google.protobuf.FileDescriptorSet': { fields: [{ name: 'file', id: 1, kind: 'bytes', repeated: true }] },
  },
}
const messages = Protocol.from(plugin, { header: 'length:varint', message: { body: 'raw' } })

/** Optional fields of proto3, and editions, from 2023 to 2024: as plugin.proto numbers them. */
const SUPPORTED = { supportedFeatures: 1 | 2, minimumEdition: 998, maximumEdition: 1001 }

interface OutputFile {
  readonly name: string
  readonly content: string
}

/** Answers a request. A fault of the schema, or of an option, is an answer, too. */
export async function answerRequest(request: Uint8Array): Promise<Uint8Array> {
  const { fileToGenerate, parameter, protoFile } = messages.decode('CodeGeneratorRequest', request)
  const answer = await modules(fileToGenerate, parameter, protoFile).then(
    (file) => ({ ...SUPPORTED, file }),
    (fault: Error) => ({ ...SUPPORTED, error: fault.message }),
  )
  return messages.encode('CodeGeneratorResponse', answer)
}

/** A module for each file that is asked for, named after it. */
async function modules(names: string[], parameter: string, protoFile: Uint8Array[]): Promise<OutputFile[]> {
  const { target, keepCase, forms, codec, importFrom, protocol } = await pluginOptions(parameter)
  const folder = await mkdtemp(join(tmpdir(), 'protoc-gen-qbp-'))
  const set = join(folder, 'set.binpb')
  try {
    await writeFile(set, messages.encode('google.protobuf.FileDescriptorSet', { file: protoFile }))
    return (
      await Promise.all(
        names.map(async (name) => {
          // A module is made of a root of its own: what one reaches does not stand in another.
          const root = await loadSchema(set, { keepCase })
          const files = [`${fileName(set)}(${name})`]
          const packageName = packageOf(root, files) ?? firstPackage(root)
          const isMade = Object.keys(protocol).length > 0
          const { headers } = isMade ? await Protocol.load(root, { ...protocol, package: packageName }) : Protocol.raw()
          const layouts = layoutsText(headers)
          const made = generateModule(root, { files, packageName, codec, protocol, layouts, ...forms, ...importFrom })
          const stem = name.replace(/\.proto$/, '')
          return target === 'ts'
            ? [{ name: `${stem}.ts`, content: made.ts }]
            : [
                { name: `${stem}.js`, content: made.js },
                { name: `${stem}.d.ts`, content: made.dts },
              ]
        }),
      )
    ).flat()
  } finally {
    await rm(folder, { recursive: true })
  }
}
