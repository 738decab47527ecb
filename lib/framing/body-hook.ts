import { QbpError } from '../base/errors.ts'
import { factOf, reasonOf, shown } from '../base/shown.ts'
import { isA } from '../base/thrown.ts'
import { isBytes, ownBytes } from '../codec/bytes.ts'
import type { HeaderFields } from './head.ts'

/**
 * What lies between the body on the wire and the bytes of its message, such as a compression that a flag of the header
 * announces. RawMessages of unlisted types (`$name: null`) are passed by: theirs is the body on the wire.
 */
export interface BodyHook {
  /**
   * The message's bytes.
   *
   * @param header the frame's type, and its header's fields.
   * @param maxBodyBytes what may come out, at most: a bomb is to be given up before it is unpacked whole, as zlib does with
   * `maxOutputLength`. More is refused with ERR_QBP_TOO_LONG. A throw is ERR_QBP_INVALID_BODY.
   */
  read(bytes: Uint8Array, header: Readonly<HeaderFields>, maxBodyBytes: number): Uint8Array
  /** The body on the wire. It may change the header's fields, which are written afterwards: they are a copy. */
  write(bytes: Uint8Array, header: HeaderFields): Uint8Array
}

/** A hook, and whatever it does checked: it may throw, and return anything. */
export class CheckedHook {
  readonly #hook: BodyHook

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(hook: BodyHook) {
    this.#hook = hook
    if (typeof hook?.read !== 'function' || typeof hook.write !== 'function')
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        'body has no read or no write; it is { read(bytes, header, maxBodyBytes), write(bytes, header) }.',
        { option: 'body' },
      )
  }

  /** @throws {QbpError} ERR_QBP_INVALID_BODY or ERR_QBP_TOO_LONG. */
  read(bytes: Uint8Array, type: number | string, fields: HeaderFields | null, maxBodyBytes: number): Uint8Array {
    let found: unknown
    try {
      found = this.#hook.read(bytes, { ...fields, type }, Math.min(maxBodyBytes, Number.MAX_SAFE_INTEGER))
    } catch (cause) {
      if (isA(cause, QbpError)) throw cause
      if (factOf(cause, 'code') === 'ERR_BUFFER_TOO_LARGE') throw tooLong('more', maxBodyBytes, type)
      throw new QbpError(
        'ERR_QBP_INVALID_BODY',
        `The protocol's body.read refuses a body of ${bytes.length} bytes: ${reasonOf(cause)}.`,
        { cause, type },
      )
    }
    const unpacked = checked(found, 'read')
    if (unpacked.length > maxBodyBytes) throw tooLong(`${unpacked.length} bytes`, maxBodyBytes, type)
    return unpacked
  }

  /** @throws {QbpError} ERR_QBP_INVALID_MESSAGE */
  write(bytes: Uint8Array, header: HeaderFields): Uint8Array {
    try {
      return checked(this.#hook.write(bytes, header), 'write')
    } catch (cause) {
      if (isA(cause, QbpError)) throw cause
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        `The protocol's body.write has thrown: ${reasonOf(cause)}. Nothing of the message was sent.`,
        { cause },
      )
    }
  }
}

function checked(bytes: unknown, name: string): Uint8Array {
  if (isBytes(bytes)) return ownBytes(bytes)
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    `The protocol's body.${name} returned ${shown(bytes)}, where it is to return a Uint8Array.`,
    {
      option: 'body',
    },
  )
}

function tooLong(found: string, limit: number, type: number | string): QbpError {
  return new QbpError('ERR_QBP_TOO_LONG', `A body unpacks to ${found}; maxBodyBytes allows ${limit}.`, { type, limit })
}
