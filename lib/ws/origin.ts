import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { shown } from '../base/shown.ts'

/** Which pages may connect: those of the same host, any, or those of a list of origins. */
export type Origins = 'same' | 'any' | readonly string[]

/**
 * Why a page may not connect, or null.
 *
 * @param origin as the browser says it: `https://example.org`; 'null' of a page that has none.
 * @param host that the page connects to.
 * @throws {QbpError} ERR_QBP_BAD_OPTION for what are no origins.
 */
export function originRefusal(origins: Origins, origin: string | undefined, host: string | undefined): QbpError | null {
  if (origins === 'any') return null
  const isList = Array.isArray(origins) && origins.every((each) => typeof each === 'string' && URL.canParse(each))
  if (origins !== 'same' && !isList) {
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `origins is ${shown(origins)}; it may be 'same', 'any', or a list such as ['https://example.org'].`,
      { option: 'origins' },
    )
  }
  if (origin === undefined) return null
  const allowed =
    origins === 'same' ? hostOf(origin) === host?.toLowerCase() : origins.some((each) => isSame(each, origin))
  if (allowed) return null
  const known = origins === 'same' ? `those of ${host ?? 'this host'}` : listed([...origins])
  return new QbpError('ERR_QBP_CLOSED', `A page of ${origin.slice(0, 200)} may not connect: origins allows ${known}.`, {
    option: 'origins',
  })
}

/** Its host and port, as they stand in the header `Host`. */
const hostOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null)

const isSame = (one: string, other: string): boolean =>
  URL.canParse(other) && new URL(one).origin === new URL(other).origin
