import { QbpError } from '../base/errors.ts'
import { checkInteger } from './bus-options.ts'
import type { Key } from './contract.ts'
import { decodeName, encodeName } from './name.ts'

/** A key is a subject of NATS, which has to fit into one line of 4096 bytes. */
const MAX_KEY_TOKENS = 2048

/**
 * A key as tokens joined by dots: each part one token, so that no part reaches beyond its place.
 *
 * @throws {QbpError} ERR_QBP_BAD_NAME for a part that is no name, ERR_QBP_BAD_OPTION for a list that is empty or too long.
 */
export function encodeKey(key: Key): string {
  const text = encodePrefix(key)
  if (text === '') throw new QbpError('ERR_QBP_BAD_OPTION', 'an empty list: a key is a list of at least one name.')
  return text
}

/** As {@link encodeKey}; the empty list, below which are all keys, is ''. */
export function encodePrefix(key: Key): string {
  if (!Array.isArray(key)) {
    throw new QbpError('ERR_QBP_BAD_OPTION', `a ${typeof key}: a key is a list of names, such as ['presence', room].`)
  }
  const text = key.map(encodeName).join('.')
  if (text.length <= MAX_KEY_TOKENS) return text
  const message = `a key of ${text.length} bytes, encoded: allowed are ${MAX_KEY_TOKENS}. Hash its long parts.`
  throw new QbpError('ERR_QBP_BAD_OPTION', message, { size: text.length, limit: MAX_KEY_TOKENS })
}

/** The key that {@link encodeKey} made `text` of. */
export function decodeKey(text: string): Key {
  return text.split('.').map(decodeName)
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION unless an entry may live that long. */
export function checkTtl(ttlMs: number | undefined, maxTtlMs: number): number {
  if (ttlMs === undefined) return maxTtlMs
  checkInteger('ttlMs', ttlMs, 1, maxTtlMs)
  return ttlMs
}
