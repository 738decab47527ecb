import { more } from './head.ts'
import { overflow, safeNumber, tooLong, wrongConstant, wrongNumber } from './header-faults.ts'
import { at } from './layout/integer-kind.ts'

/** What the functions of every plain layout call: integers of fixed width up to 32 bits need no more. */
export const bareHeaderLibrary = { at, more, overflow, safeNumber, tooLong, wrongConstant, wrongNumber }
export type BareHeaderLibrary = typeof bareHeaderLibrary
