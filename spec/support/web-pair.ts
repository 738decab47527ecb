import type { StreamPair } from '../../lib/web/index.ts'

/** Two ends of one pair of byte streams, as web streams. */
export function webPair(): [client: StreamPair, server: StreamPair] {
  const [up, down] = [new TransformStream<Uint8Array, Uint8Array>(), new TransformStream<Uint8Array, Uint8Array>()]
  return [
    { readable: down.readable, writable: up.writable },
    { readable: up.readable, writable: down.writable },
  ]
}
