import { more } from './head.ts'
import { overflow, safeNumber, tooLong, wrongConstant, wrongNumber } from './header-faults.ts'
import { codeScope } from './layout/integer-kinds.ts'

/** All that the functions of a plain layout call, by the names that their source has for it. */
export const headerLibrary: Readonly<Record<string, unknown>> = {
  ...codeScope,
  ...{ more, overflow, safeNumber, tooLong, wrongConstant, wrongNumber },
}
