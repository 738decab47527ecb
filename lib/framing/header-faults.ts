// Why a frame is none: what a header's bytes say that its layout does not allow.

import { QbpError } from '../base/errors.ts'
import type { Head } from './head.ts'
import type { HeaderInteger } from './layout/integer-kind.ts'
import type { Field } from './layout/layout.ts'

/** @throws {QbpError} ERR_QBP_TOO_LONG */
export function tooLong(head: Head, size: number): never {
  throw new QbpError(
    'ERR_QBP_TOO_LONG',
    `A body of ${size} bytes is announced; maxBodyBytes allows ${head.maxBodyBytes}.`,
    { type: head.type, size, limit: head.maxBodyBytes },
  )
}

const byteText = (byte: number | undefined): string => `0x${(byte ?? 0).toString(16).padStart(2, '0')}`

/** @throws {QbpError} ERR_QBP_BAD_CONSTANT */
export function wrongConstant(text: string, index: number, allowed: number, found: number): never {
  throw new QbpError(
    'ERR_QBP_BAD_CONSTANT',
    `Byte ${index} of the header's constant ${text} is ${byteText(found)}, not ${byteText(allowed)}: the peer speaks another protocol, or the stream is out of step.`,
  )
}

/** @throws {QbpError} ERR_QBP_BAD_LENGTH */
export function wrongNumber(name: string, found: HeaderInteger, least: number): never {
  throw new QbpError('ERR_QBP_BAD_LENGTH', `The header's ${name} is ${found}; it counts at least ${least}.`, {
    field: name,
    size: Number(found),
    limit: least,
  })
}

/** A length or a type of 64 bits as a number. @throws {QbpError} ERR_QBP_BAD_LENGTH over 2**53 - 1. */
export function safeNumber(name: string, value: HeaderInteger): number {
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value)
  throw new QbpError('ERR_QBP_BAD_LENGTH', `The header's ${name} is ${value}; it may be at most 2**53 - 1.`, {
    field: name,
    size: Number(value),
    limit: Number.MAX_SAFE_INTEGER,
  })
}

/** @throws {QbpError} ERR_QBP_BAD_LENGTH for two lengths that say different ends of the frame, of `found` bytes and of `parts`. */
export function wrongEnd(found: number, parts: number): never {
  throw new QbpError(
    'ERR_QBP_BAD_LENGTH',
    `The header's lengths do not agree: the frame is of ${found} bytes by one, and of ${parts} by its parts.`,
    { field: 'length', size: found, limit: parts },
  )
}

/** @throws {QbpError} ERR_QBP_BAD_LENGTH for a length that is not that of its parts. */
export function wrongCount({ name, text }: Field, found: number, bytes: number): never {
  throw new QbpError('ERR_QBP_BAD_LENGTH', `The header's ${text} is ${found}, where its parts take ${bytes} bytes.`, {
    field: name,
    size: found,
    limit: bytes,
  })
}

/** @throws {QbpError} ERR_QBP_BAD_LENGTH for a part that lengths leave less than nothing. */
export function nothingLeft(what: string, bytes: number, field: string, found: number): never {
  throw new QbpError('ERR_QBP_BAD_LENGTH', `The header's lengths leave ${bytes} bytes for ${what}.`, {
    field,
    size: found,
    limit: found - bytes,
  })
}

/** @throws {QbpError} ERR_QBP_TOO_LONG for sections and bytes of `size` in all, the last of them called `field`. */
export function heldTooLong(head: Head, size: number, field: string): never {
  throw new QbpError(
    'ERR_QBP_TOO_LONG',
    `The header announces ${size} bytes up to its ${field}; maxHeaderBytes allows ${head.maxHeaderBytes}.`,
    { type: head.type, size, limit: head.maxHeaderBytes, field },
  )
}

/** @throws {QbpError} ERR_QBP_BAD_CHECKSUM */
export function wrongChecksum({ name, text }: Field, found: number, computed: number): never {
  throw new QbpError(
    'ERR_QBP_BAD_CHECKSUM',
    `The header's ${text} is 0x${found.toString(16)}, where the bytes give 0x${computed.toString(16)}: they were changed on the way, or the stream is out of step.`,
    { field: name },
  )
}

/** A number that its field cannot hold. */
export function overflow(
  { name, text, role }: Pick<Field, 'name' | 'text' | 'role'>,
  value: unknown,
  kind: string,
  least: HeaderInteger,
  most: HeaderInteger,
  bodyBytes: number,
): QbpError {
  const what = role === 'length' && text === 'length' ? `A body of ${bodyBytes} bytes` : `The ${text} ${String(value)}`
  return new QbpError(
    'ERR_QBP_FIELD_OVERFLOW',
    `${what} does not fit the header's field ${name}:${kind}, which holds integers of ${least} to ${most}. Nothing of the message was sent.`,
    { size: Number(value), limit: Number(most), field: name },
  )
}
