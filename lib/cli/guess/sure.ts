// Whether the likeliest reading of some first bytes is beyond doubt, so that all that follows may be read by it.

import type { Guess } from './reading.ts'
import type { Tiled } from './tiling.ts'

/** Some thousand readings are tried, so one may save some bits by chance. */
const LEAST_SAVED_BITS = 64
/** So much likelier it is than any other that cuts other bodies out. */
const LEAST_LEAD_BITS = 24
/** Frames with a body: zeros are many empty ones. */
const LEAST_FRAMES = 3
/** As many, where the bytes end within a frame: bytes that come one chunk at a time mostly end with one. */
const LEAST_FRAMES_OF_CUT = 6

/** The likeliest of the guesses, if it is sure. */
export function sureGuess([best, ...others]: readonly Guess[]): Guess | undefined {
  if (best === undefined || best.saved < LEAST_SAVED_BITS) return undefined
  const isCut = best.left.some(([, after]) => after > 0)
  const filled = best.tiled.reduce(
    (sum, { frames }) => sum + frames.filter((each) => each.bodyEnd > each.body).length,
    0,
  )
  if (best.isMarked && best.left.every(([before]) => before === 0)) return best
  if (filled < best.frames / 2 || filled < (isCut ? LEAST_FRAMES_OF_CUT : LEAST_FRAMES)) return undefined
  const rival = others.find((other) => !hasSameBodies(best.tiled, other.tiled))
  return rival === undefined || rival.bits - best.bits >= LEAST_LEAD_BITS ? best : undefined
}

/** Whether two readings find the same bodies: they are of one layout then, which is only written otherwise. */
const hasSameBodies = (a: readonly Tiled[], b: readonly Tiled[]): boolean =>
  a.every(({ frames }, stream) => {
    const others = b[stream]?.frames ?? []
    return (
      frames.length === others.length &&
      frames.every(({ body, bodyEnd }, i) => body === others[i]?.body && bodyEnd === others[i]?.bodyEnd)
    )
  })
