import { checkResync, resyncFrom } from '../framing/resync.ts'

/** The code that finds frames again, as a Protocol has it where `resync()` has brought it. */
export interface ResyncSupport {
  readonly check: typeof checkResync
  readonly from: typeof resyncFrom
}

/**
 * That what is no frame is dropped, as `resync: true` of the main entry. It brings its code along: a page that does not import this has none.
 *
 *     Protocol.from(sensors, { resync: resync() })
 */
export function resync(): boolean {
  const support: ResyncSupport = { check: checkResync, from: resyncFrom }
  return support as unknown as boolean
}
