import type { Duplex } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { given } from '../base/given.ts'

/** Checks that a duplex was given, of Node's streams or with their methods. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function givenDuplex(value: unknown, usage: string): void {
  const { on, write, end, destroy, pause, resume } = (value ?? {}) as Partial<Duplex>
  const isDuplex = [on, write, end, destroy, pause, resume].every((method) => typeof method === 'function')
  given(isDuplex, value, 'a duplex stream of Node', usage)
}

/** Checks that a duplex gives the bytes that come, and not text. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function givesBytes({ readableEncoding }: Duplex): void {
  if (typeof readableEncoding === 'string')
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `The duplex gives text, by setEncoding('${readableEncoding}'), and its bytes are lost: give one without an encoding.`,
    )
}
