// Part of npm run build: the window's page, bundled into the package.

import { build } from '../lib/window/build.ts'

export const main = (): Promise<void> => build('dist/window')
