/**
 * For the specs of who uses Qbp: streams and peers without sockets, and bytes cut in every way.
 *
 * @module
 */
export { duplexPair, type PairOptions } from './pair.ts'
export { type ConnectionPair, connectionPair, type Expected, ScriptedPeer } from './script.ts'
export { cut, cutAtRandom, everySplit, type Split, type SplitOptions } from './splits.ts'
