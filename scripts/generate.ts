// npm run generate: makes the typed modules that are not checked in, in one process: beside each example's schema, the
// window's, and that of the specs of calls.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../lib/cli/verbs/generate.ts'

const ROOT = join(__dirname, '..')

export async function main(): Promise<void> {
  const { stdin, stdout, stderr, env } = process
  const io = { stdin, stdout, stderr, env, signal: new AbortController().signal }
  const examples = readdirSync(join(ROOT, 'schemas')).filter((name) => name.endsWith('.proto'))
  const accounts = join(ROOT, 'spec', 'calls', 'accounts.proto')
  const plain = join(ROOT, 'spec', 'protos', 'plain.proto')
  const window = join(ROOT, 'lib', 'window')
  const modules = [
    ...examples.map((name) => {
      const proto = join(ROOT, 'schemas', name)
      return [proto, '-o', proto.replace(/\.proto$/, '.ts'), '--import', '../lib/index.ts']
    }),
    [
      accounts,
      '-o',
      accounts.replace(/\.proto$/, '.ts'),
      '-I',
      join(ROOT, 'schemas'),
      '--import',
      '../../lib/index.ts',
    ],
    [plain, '-o', plain.replace(/proto$/, 'ts'), '-I', join(ROOT, 'schemas'), '--import', '../../lib/index.ts'].concat([
      '--enums',
      'names',
      '--well-known',
      'plain',
      '--types',
      '(qbp.type)',
    ]),
    [join(window, 'window.proto'), '-o', join(window, 'messages.ts'), '--int64', 'number', '--import', '../index.ts'],
  ]
  for (const args of modules) process.exitCode ||= await run(args, io)
}
