/**
 * For the specs of programs that use Qbp: streams and peers without sockets, and bytes cut in every way.
 *
 * @module
 */

export type { Expected, Met } from './expected.ts'
export { duplexPair, type PairOptions } from './pair.ts'
export { readTap, type TapMessage } from './read-tap.ts'
export {
  type ConnectionPair,
  connectionPair,
  type ScriptedClientOptions,
  ScriptedPeer,
  type ScriptOptions,
} from './script.ts'
export { cut, cutAtRandom, everySplit, type Split, type SplitOptions } from './splits.ts'
export { Lane, Wire } from './wire.ts'
