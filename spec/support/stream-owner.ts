import { NOBODY, type StreamOwner } from '../../lib/streams/ports.ts'

/** An owner of readers and writers without a byte stream, of whose calls some are looked at. */
export function streamOwner(more: Partial<StreamOwner> = {}): StreamOwner {
  return { ...NOBODY, connection: {}, ...more }
}
