import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { type Int64Kind, QbpError } from '../../index.ts'
import { firstPackage, loadSchema } from '../../protocol/load.ts'
import { generateModule } from '../generate/module.ts'
import { fileName } from '../generate/reflection.ts'

const help = `Usage: qbp generate FILE.proto... [options]

Makes a typed module of .proto files: the schema for Protocol.from, with the types of
its messages as they are read and written.

  -o, --out FILE         .ts (or .mts): one TypeScript file; .js (or .mjs): JavaScript,
                         and its types in .d.ts beside it (default: name.js beside the
                         first .proto)
      --int64 KIND       how 64-bit fields are read: bigint (default), long or number
      --keep-case        keep the .proto's field names; default: camelCase
  -I, --include DIR      where imports are looked for, too; may be repeated
                         (default: the current folder)
      --import MODULE    where types are imported from (default: qbp-stream)
      --package NAME     names of messages are relative to it (default: that of the
                         first .proto)
  -h, --help

Example:
  qbp generate schemas/chat.proto -o schemas/chat.ts

  import { Protocol } from 'qbp-stream'
  import { chat } from './schemas/chat.ts'
  const protocol = Protocol.from(chat)
`

const options = {
  out: { type: 'string', short: 'o' },
  int64: { type: 'string' },
  'keep-case': { type: 'boolean' },
  include: { type: 'string', short: 'I', multiple: true },
  import: { type: 'string' },
  package: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

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

/**
 * `qbp generate`.
 *
 * @returns the exit code: 0, 1 for a fault in a .proto or a file that cannot be written, 2 for wrong usage.
 */
export async function run(
  args: string[],
  { stdout, stderr }: { stdout: { write(text: string): unknown }; stderr: { write(text: string): unknown } },
): Promise<number> {
  const refuse = (message: string): number => {
    stderr.write(`qbp generate: ${message}\nSee qbp generate --help.\n`)
    return 2
  }

  let parsed: ReturnType<typeof parseArgs<{ args: string[]; options: typeof options; allowPositionals: true }>>
  try {
    parsed = parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    return refuse((error as Error).message)
  }
  const { values, positionals: files } = parsed
  if (values.help) {
    stdout.write(help)
    return 0
  }
  const [first] = files
  if (first === undefined) return refuse('no .proto file is given.')
  const int64 = values.int64 ?? 'bigint'
  if (!['bigint', 'long', 'number'].includes(int64)) {
    return refuse(`--int64 is '${int64}'; it may be bigint, long or number.`)
  }
  const out = values.out ?? `${first.replace(/\.proto$/, '')}.js`
  const targets = outputs(out)
  if (targets === null) return refuse(`the output '${out}' ends neither in .ts or .mts nor in .js or .mjs.`)

  try {
    const root = await loadSchema(files, {
      includeDirs: values.include ?? ['.'],
      keepCase: values['keep-case'] ?? false,
    })
    const module = generateModule(root, {
      files: files.map(fileName),
      packageName: values.package ?? firstPackage(root, files),
      int64: int64 as Int64Kind,
      ...(values.import !== undefined && { importFrom: values.import }),
    })
    for (const [file, text] of targets) await writeFile(file, module[text])
    // Who named the file knows where it is.
    if (values.out === undefined) stdout.write(`${targets.map(([file]) => relative('', file)).join(', ')}\n`)
    return 0
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    if (!(error instanceof QbpError || error instanceof RangeError || code !== undefined)) throw error
    stderr.write(`qbp generate: ${message}\n`)
    return 1
  }
}
