import { type BareHeaderLibrary, bareHeaderLibrary } from './bare-header-library.ts'
import { codeScope } from './layout/integer-kinds.ts'
import type { HeaderLibrary } from './plain-header.ts'

/** All that the functions of a plain layout call, whatever it is of. */
export const headerLibrary: HeaderLibrary & BareHeaderLibrary = { ...codeScope, ...bareHeaderLibrary }
