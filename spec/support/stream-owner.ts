import type { StreamOwner } from '../../lib/streams/ports.ts'

/** An owner of readers and writers without a byte stream: nothing comes, and what is sent is gone. */
export function streamOwner(more: Partial<StreamOwner> = {}): StreamOwner {
  return {
    connection: {},
    more() {},
    send: () => true,
    finish: (finished) => finished(),
    readerClosed() {},
    writerDestroyed() {},
    refused() {},
    listenerThrew() {},
    ...more,
  }
}
