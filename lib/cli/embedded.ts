import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Texts that the command needs and that are no TypeScript. */
export interface Embedded {
  /** The package's. */
  readonly version: string
  /** Of a dissector for Wireshark: what follows the tables of a protocol. */
  readonly lua: string
}

/** Read from the repository; `npm run build` (scripts/embed.cjs) replaces this file by one that holds them. */
export function embedded(): Embedded {
  const text = (...path: string[]) => readFileSync(join(__dirname, ...path), 'utf8')
  const { version } = JSON.parse(text('..', '..', 'package.json'))
  return { version, lua: text('wireshark', 'dissector.lua') }
}
