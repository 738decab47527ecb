import type { Duplex } from 'node:stream'
import { given } from '../base/given.ts'

/** Checks that a duplex was given, of Node's streams or with their methods. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function givenDuplex(value: unknown, usage: string): void {
  const { on, write, end, destroy, pause, resume } = (value ?? {}) as Partial<Duplex>
  const isDuplex = [on, write, end, destroy, pause, resume].every((method) => typeof method === 'function')
  given(isDuplex, value, 'a duplex stream of Node', usage)
}
