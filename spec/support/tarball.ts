import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from './pages.ts'
import { run } from './peers.ts'

let made: Promise<string> | undefined

/** The package as npm would publish it: the file that QBP_TARBALL names, as in .ci/run, or one packed now, once a process. */
export function tarball(): Promise<string> {
  const { QBP_TARBALL } = process.env
  made ??= QBP_TARBALL === undefined ? pack() : Promise.resolve(QBP_TARBALL)
  return made
}

async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'qbp-pack-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT, timeoutMs: 180_000 })
  return join(folder, readdirSync(folder)[0] as string)
}

/** An empty folder, as a stranger begins with; and how commands run in it. */
export interface EmptyFolder {
  readonly path: string
  /** Runs a command line as it is typed, and returns what it printed. `npm install qbp-stream` installs the tarball. */
  type(line: string): Promise<string>
  remove(): void
}

/**
 * An empty folder outside the repository.
 *
 * @param binaries is put in front of PATH: the folder of another Node.
 */
export async function emptyFolder(binaries?: string): Promise<EmptyFolder> {
  const path = mkdtempSync(join(tmpdir(), 'qbp-stranger-'))
  const file = await tarball()
  const quiet = { npm_config_fund: 'false', npm_config_audit: 'false', npm_config_update_notifier: 'false' }
  const env = { ...quiet, NO_COLOR: '1', ...(binaries && { PATH: `${binaries}:${process.env.PATH}` }) }
  return {
    path,
    async type(line) {
      const typed = line.replace(/\bqbp-stream\b(?=\s|$)/, file)
      const { stdout, stderr } = await run('sh', ['-c', typed], { cwd: path, env, timeoutMs: 280_000 })
      return stdout + stderr
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** The folder of a Node of this major version, which npx takes from the npm registry unless this process runs on it. */
export async function binariesOf(major: string): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return dirname(process.execPath)
  const args = ['-y', '-p', `node@${major}`, 'node', '-p', 'process.execPath']
  const { stdout } = await run('npx', args, { timeoutMs: 120_000 })
  return dirname(stdout.trim())
}
