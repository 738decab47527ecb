import type { Gap, Position } from './contract.ts'

/**
 * Where a reader goes on in a log that now reaches from `start` (exclusive) to `end`, and what it has missed for good.
 */
export function resume(
  channel: string,
  after: Position,
  start: Position,
  end: Position,
): { position: Position; gap?: Gap } {
  const skip = (reason: Gap['reason'], resumed: Position) => ({
    position: resumed,
    gap: { channel, reason, after, resumed },
  })
  if (after.epoch !== end.epoch) return skip('lost', start)
  // The engine came back with an older copy, or the position is forged: what it still has was read already.
  if (after.offset > end.offset) return skip('lost', end)
  if (after.offset < start.offset) return skip('trimmed', start)
  return { position: after }
}
