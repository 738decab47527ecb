import { relative } from 'node:path'
import { headers, Protocol, type ProtocolOptions } from '../../index.ts'
import { firstPackage, loadSchema } from '../../protocol/schema/load.ts'
import { Fault, UsageError } from '../command/fault.ts'
import { DONE, verb } from '../command/verb.ts'
import { writeWhole } from '../files/output-file.ts'
import { assertFolder } from '../files/text-file.ts'
import { layoutsText } from '../generate/layout-text.ts'
import { generateModule } from '../generate/module.ts'
import { isModuleFile, moduleAdvice, packageTypeOf } from '../generate/package-type.ts'
import { fileName } from '../generate/reflection.ts'
import { forms, headerForm, onlyForm } from '../options/protocol-options.ts'
import { oneOf } from '../options/values.ts'

const form = {
  name: 'generate',
  usage: ['FILE.proto... [options]', '[options], where qbp.json says the schema, and its header, types, …'],
  about: `Makes a typed module of .proto files: the schema for Protocol.from, with the types of its messages as they are
    read and written.`,
  takesSchema: true,
  options: {
    out: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      help: `.ts (or .mts): one TypeScript file; .js (or .mjs): JavaScript, and its types in .d.ts beside it (default: name.js
        beside the first .proto; name.mjs where package.json does not say "type": "module")`,
    },
    header: {
      type: 'string',
      value: 'LAYOUT',
      help: "the header's layout, or one that has a name, as in 'qbp decode': Protocol.from takes it from the module then",
      words: Object.keys(headers),
    },
    types: {
      type: 'string',
      multiple: true,
      value: 'WHERE',
      help: "where type numbers come from, as in 'qbp decode', for Protocol.from too; may be repeated",
    },
    message: {
      type: 'string',
      value: 'NAME',
      help: "where the header has no type: the one message, or each role's, for Protocol.from too",
    },
    int64: {
      type: 'string',
      value: 'KIND',
      help: 'how 64-bit fields are read: bigint (default), long or number',
      words: ['bigint', 'long', 'number'],
    },
    enums: {
      type: 'string',
      value: 'FORM',
      help: 'how enums are read: numbers (default) or names',
      words: ['numbers', 'names'],
    },
    'well-known': {
      type: 'string',
      value: 'FORM',
      help: `Google's well-known types within messages: messages (default), or plain: a Timestamp is a Date, a Duration
        milliseconds, a wrapper its value, Struct and Value are JSON; temporal: the same with Temporal's`,
      words: ['messages', 'plain', 'temporal'],
    },
    'keep-case': { type: 'boolean', help: "keep the .proto's field names; default: camelCase" },
    include: {
      type: 'string',
      short: 'I',
      multiple: true,
      value: 'DIR',
      help: 'where imports are looked for, too; may be repeated (default: the current folder)',
    },
    'no-codec': {
      type: 'boolean',
      help: 'leave out the functions that read and write the messages: they are then compiled when first used',
    },
    import: {
      type: 'string',
      value: 'MODULE',
      help: 'where types are imported from (default: qbp-stream); qbp-stream/web for a page, whose bytes are Uint8Arrays',
    },
    package: {
      type: 'string',
      value: 'NAME',
      help: 'names of messages are relative to it (default: that of the first .proto)',
    },
  },
  example: `qbp generate schemas/chat.proto -o schemas/chat.ts

import { Protocol } from 'qbp-stream'
import { chat } from './schemas/chat.ts'
const protocol = Protocol.from(chat)`,
} as const

/** `qbp generate`. */
export const run = verb(form, async (values, files, io) => {
  const [first] = files
  if (first === undefined) throw new UsageError('no .proto file is given, and no qbp.json says one.')
  const int64 = oneOf('int64', values.int64 ?? 'bigint', ['bigint', 'long', 'number'])
  const enums = oneOf('enums', values.enums ?? 'numbers', ['numbers', 'names'])
  const wellKnown = oneOf('well-known', values['well-known'] ?? 'messages', ['messages', 'plain', 'temporal'])
  const out = values.out ?? defaultOutput(first)
  const targets = outputs(out)
  if (targets === null) throw new UsageError(`the output '${out}' ends neither in .ts or .mts nor in .js or .mjs.`)
  await Promise.all((values.include ?? []).map(assertFolder))
  const root = await loadSchema(files, {
    includeDirs: values.include ?? ['.'],
    keepCase: values['keep-case'] ?? false,
  })
  const packageName = values.package ?? firstPackage(root)
  const protocol = await protocolForms(values)
  // What no Protocol can be made with is refused here, not where the module is used.
  const isMade = Object.keys(protocol).length > 0
  const { headers: layouts } = isMade
    ? await Protocol.load(root, { ...protocol, package: packageName })
    : Protocol.raw()
  const module = generated(() =>
    generateModule(root, {
      files: files.map(fileName),
      packageName,
      protocol,
      layouts: layoutsText(layouts),
      ...{ int64, enums, wellKnown },
      codec: values['no-codec'] !== true,
      ...(values.import !== undefined && { importFrom: values.import }),
    }),
  )
  for (const [file, text] of targets) await writeWhole(file, module[text])
  const nearest = packageTypeOf(out)
  if (nearest !== undefined && !isModuleFile(out, nearest))
    io.stderr.write(`qbp generate: ${moduleAdvice(out, nearest)}\n`)
  // Someone who has named the file knows where it is.
  if (values.out === undefined) io.stdout.write(`${targets.map(([file]) => relative('', file)).join(', ')}\n`)
  return DONE
})

/** The options of a Protocol that are to stand in the module. @throws {UsageError} */
async function protocolForms(values: {
  header?: string
  types?: string[]
  message?: string
}): Promise<Pick<ProtocolOptions, 'header' | 'types' | 'message'>> {
  return {
    ...(values.header !== undefined && { header: await headerForm(values.header) }),
    ...(values.types !== undefined && { types: await forms(values) }),
    ...(values.message !== undefined && { message: await onlyForm(values.message) }),
  }
}

/** A RangeError of the generator is about the schema: a name that no module can have. */
function generated<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw error instanceof RangeError ? new Fault(error.message, { cause: error }) : error
  }
}

/** Beside the first .proto, as a file that its package takes for an ES module. */
function defaultOutput(proto: string): string {
  const out = `${proto.replace(/\.proto$/, '')}.js`
  const nearest = packageTypeOf(out)
  return nearest === undefined || isModuleFile(out, nearest) ? out : out.replace(/js$/, 'mjs')
}

/** The files that a module is written to, each with which of its texts. */
function outputs(out: string): [string, 'ts' | 'js' | 'dts'][] | null {
  const [, stem, kind, end] = /^(.*?)((?:\.d)?\.[mc]?)([jt]s)$/.exec(out) ?? []
  if (stem === undefined || !(kind === '.' || kind === '.m')) return null
  return end === 'ts'
    ? [[out, 'ts']]
    : [
        [out, 'js'],
        [`${stem}.d${kind}ts`, 'dts'],
      ]
}
