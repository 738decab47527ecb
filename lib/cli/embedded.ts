import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Texts that the command needs and that are no TypeScript. */
export interface Embedded {
  /** The package's. */
  readonly version: string
}

/** Read from the repository; `npm run build` (scripts/embed.cjs) replaces this file by one that holds them. */
export function embedded(): Embedded {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'))
  return { version }
}
