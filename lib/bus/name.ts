import { createHash } from 'node:crypto'
import { QbpError } from '../base/errors.ts'

// A name is a user's: it may hold '>', '*', '.', blanks, or anything else that means something to an engine. What an engine
// sees is a token of [a-z0-9_-]: every other byte of the name's UTF-8 is written as `_hh`. Upper case is escaped as well,
// because JetStream makes a folder of a channel's name, and some file systems fold case.
//
//   lobby → lobby      Room 7 → _52oom_207      a.> → a_2e_3e

/** The longest name, in bytes of UTF-8. A subject has to fit into one line of NATS's protocol, 4096 bytes. */
const MAX_NAME_BYTES = 512

/** The longest token that becomes a file's name: 255 bytes are allowed, with a prefix in front. */
const MAX_FILE_TOKEN = 160
/** What is left of 255 where the engine adds something. */
const MAX_FILE_NAME = 240

const LONE_SURROGATE = /\p{Surrogate}/u
const PLAIN = /^[a-z0-9-]+$/

/**
 * A name as one token of [a-z0-9_-], which {@link decodeName} turns back. Two names never share a token.
 *
 * @throws {QbpError} ERR_QBP_BAD_NAME for what is no string, is empty, is over 512 bytes, or holds a lone surrogate (which
 * UTF-8 cannot carry: two such names would become one).
 */
export function encodeName(name: string): string {
  if (typeof name !== 'string') throw badName(`a ${name === null ? 'null' : typeof name}`)
  if (name === '') throw badName('an empty name')
  const size = Buffer.byteLength(name)
  if (size > MAX_NAME_BYTES) throw badName(`a name of ${size} bytes`)
  if (PLAIN.test(name)) return name
  if (LONE_SURROGATE.test(name)) throw badName('a lone surrogate in a name')
  let token = ''
  for (const byte of Buffer.from(name)) {
    const char = String.fromCharCode(byte)
    token += PLAIN.test(char) ? char : `_${byte.toString(16).padStart(2, '0')}`
  }
  return token
}

/** The name that {@link encodeName} made `token` of. */
export function decodeName(token: string): string {
  if (!token.includes('_')) return token
  return decodeURIComponent(token.replaceAll('_', '%'))
}

/**
 * A name as a token that also fits into a file's name: a long one becomes `__` and its SHA-256, which no escape looks like.
 *
 * @throws {QbpError} ERR_QBP_BAD_NAME as {@link encodeName} does.
 */
export function encodeFileName(name: string): string {
  const token = encodeName(name)
  return token.length <= MAX_FILE_TOKEN ? token : hashed(name)
}

/** Text of tokens that fits into a file's name. */
export function shortened(text: string): string {
  return text.length <= MAX_FILE_NAME ? text : hashed(text)
}

function hashed(text: string): string {
  return `__${createHash('sha256').update(text).digest('hex')}`
}

function badName(found: string): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_NAME',
    `${found}: names of channels, nodes and key parts are 1 to ${MAX_NAME_BYTES} bytes of well-formed text. Shorten it, or hash it yourself.`,
  )
}
