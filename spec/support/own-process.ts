import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

const ROOT = join(__dirname, '..', '..')

/**
 * Runs a program of spec/support in a process of its own, for what is measured there: as one file, since with a compiler in its heap a
 * process would spend its time collecting that.
 *
 * @returns what it has written as JSON.
 */
export function runAlone<T>(program: string, options: readonly string[], args: readonly string[] = []): T {
  // Beside node_modules, where protobufjs is found.
  const cache = join(ROOT, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'qbp-alone-'))
  try {
    const outfile = join(folder, 'program.js')
    buildSync({
      entryPoints: [join(ROOT, 'spec/support', program)],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      external: ['protobufjs', 'ws'],
      logLevel: 'error',
    })
    return JSON.parse(execFileSync(process.execPath, [...options, outfile, ...args], { encoding: 'utf8' }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
