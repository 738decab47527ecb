// Part of npm run build: the window's page, and the packages that only the command needs, bundled into this one.

import { writeFileSync } from 'node:fs'
import { build, bundle, licensesOf } from '../lib/window/build.ts'

export async function main(): Promise<void> {
  const packages = [
    ...(await build('dist/window')),
    ...(await bundle('lib/cli/tap/selfsigned.ts', 'dist/cli/tap/selfsigned.js')),
  ]
  writeFileSync('dist/LICENSES.txt', licensesOf(packages))
}
