// The server in Rust, built where its crates are: Debian has them as packages, and cargo needs nothing else.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { fileOf } from './fixtures.mjs'

const CRATES = '/usr/share/cargo/registry'
const PACKAGES = 'cargo librust-prost-dev librust-tokio-util-dev librust-tokio-dev librust-futures-util-dev'

const FOLDER = fileOf('peers/rust')

/**
 * Builds the server, unless it is there.
 *
 * @returns its path. @throws where there is no cargo or not all crates, with what is missing.
 */
export async function buildRust(progress) {
  if (!existsSync(CRATES)) throw new Error(`no Rust crates in ${CRATES}: apt-get install ${PACKAGES}`)
  progress('building the server in Rust, which takes a minute or two once')
  try {
    await promisify(execFile)(
      'cargo',
      [
        ...['build', '--release', '--offline', '--quiet'],
        ...['--config', 'source.crates-io.replace-with="debian"'],
        ...['--config', `source.debian.directory="${CRATES}"`],
      ],
      { cwd: FOLDER },
    )
  } catch ({ stderr, message }) {
    const why = stderr?.match(/^error: .*$/m)?.[0] ?? message.split('\n')[0]
    throw new Error(`cargo did not build ${FOLDER}: ${why}. It takes: apt-get install ${PACKAGES}`)
  }
  return `${FOLDER}/target/release/bench-server`
}

/** The crates that were compared with, as built. */
export function rustVersions() {
  const lock = `${FOLDER}/Cargo.lock`
  const text = existsSync(lock) ? readFileSync(lock, 'utf8') : ''
  const versions = [...text.matchAll(/name = "(tokio|tokio-util|prost)"\nversion = "(.*)"/g)]
  return Object.fromEntries(versions.map(([, name, version]) => [`Rust's ${name}`, version]))
}
