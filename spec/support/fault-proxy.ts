import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'

// A network that misbehaves, on loopback: clients connect to the proxy, the proxy to the target, and what passes is delayed,
// sliced, throttled, cut, reset or swallowed, each direction by itself.
//
//             toTarget →                  toTarget →
//   client ---------------- FaultProxy ---------------- target
//             ← toClient                  ← toClient
//
//   const proxy = await FaultProxy.start({ port: server.port }, { toClient: { sliceBytes: 1, cutAfterBytes: 17 } })
//   const connection = await connect(protocol, { port: proxy.port })
//   …
//   await proxy.close()

/** What happens to the bytes of one direction. All of it may be combined; of several ends, the one after the fewest bytes. */
export interface Faults {
  /** Every byte, and the end, arrives so much later. It limits no bandwidth. */
  readonly latencyMs?: number
  /** At most so many bytes in one write, each a turn of the event loop after the last: 1 makes the receiver see single bytes. */
  readonly sliceBytes?: number
  readonly bytesPerSecond?: number
  /** After so many bytes the receiver sees an orderly end (FIN). What else the sender sends is read and dropped. */
  readonly cutAfterBytes?: number
  /**
   * After so many bytes both sides see a reset (RST). A receiver that reads gets the bytes first; to one that does not, Linux may
   * show a reset behind unread bytes as an orderly end.
   */
  readonly resetAfterBytes?: number
  /**
   * After so many bytes nothing comes any more, no end and no reset either, and nothing is read from the sender: its peer is
   * as good as gone, with the sockets open. Both directions silent are a half-open connection.
   */
  readonly silentAfterBytes?: number
}

/** The faults of a connection. */
export interface ConnectionFaults {
  readonly toTarget?: Faults
  readonly toClient?: Faults
}

/** What waits in the proxy holds no more bytes than this, in each direction. */
const MAX_QUEUED_BYTES = 256 * 1024

/** What a reset gives its receiver to read what came before it. In one process a single turn of the event loop is enough. */
const READING_MS = 5

export class FaultProxy {
  /** The faults of the connections that come from now on. */
  faults: ConnectionFaults
  /** How many clients have connected. */
  accepted = 0
  /** The port that clients connect to, on 127.0.0.1. */
  readonly port: number

  readonly #server: Server
  readonly #target: NetConnectOpts
  readonly #open = new Set<Socket>()
  readonly #stop = new AbortController()

  private constructor(server: Server, target: NetConnectOpts, faults: ConnectionFaults) {
    this.#server = server
    this.#target = target
    this.faults = faults
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client) => this.#join(client))
  }

  /** @param target a port on 127.0.0.1, another address, or the path of a Unix socket, as `net.connect` takes them. */
  static async start(target: NetConnectOpts, faults: ConnectionFaults = {}): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, { host: '127.0.0.1', ...target }, faults)
  }

  /** Sockets of the proxy that are still open, on both of its sides: two for each connection. */
  get openSockets(): number {
    return this.#open.size
  }

  /** Resets all connections there are; new ones are accepted as before. */
  async reset(): Promise<void> {
    const closing = [...this.#open].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    for (const socket of this.#open) abort(socket)
    await Promise.all(closing)
  }

  /** Accepts no more, resets what is open, and resolves once every socket is gone. */
  async close(): Promise<void> {
    this.#stop.abort()
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined
    this.#server.close()
    await this.reset()
    await closed
  }

  #join(client: Socket): void {
    this.accepted++
    const target = connect({ ...this.#target, allowHalfOpen: true })
    this.#watch(client, target)
    this.#watch(target, client)
    const { toTarget = {}, toClient = {} } = this.faults
    this.#direct(client, target, toTarget)
    this.#direct(target, client, toClient)
  }

  /** One side's fault becomes the other's reset. (A silent direction reads nothing, and so hears of no fault.) */
  #watch(socket: Socket, other: Socket): void {
    this.#open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => abort(other))
    socket.on('close', () => this.#open.delete(socket))
  }

  #direct(source: Socket, sink: Socket, faults: Faults): void {
    pass(source, sink, faults, this.#stop.signal).catch(() => {
      // One of the sockets is gone, or the proxy closes.
      abort(source)
      abort(sink)
    })
  }
}

/** A reset. While a FIN is under way libuv refuses one (EINVAL), and Node then never closes the socket. */
function abort(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}

/** Passes the bytes of one direction on until their end, or until a fault ends it. */
async function pass(source: Socket, sink: Socket, faults: Faults, signal: AbortSignal): Promise<void> {
  const { latencyMs = 0, sliceBytes = Infinity, bytesPerSecond = Infinity } = faults
  const { cutAfterBytes = Infinity, resetAfterBytes = Infinity, silentAfterBytes = Infinity } = faults
  const endAt = Math.min(cutAfterBytes, resetAfterBytes, silentAfterBytes)
  let passedBytes = 0

  if (endAt > 0) {
    for await (const chunk of delayed(source, latencyMs, signal)) {
      for (let start = 0; start < chunk.length && passedBytes < endAt; ) {
        const slice = chunk.subarray(start, start + Math.min(sliceBytes, endAt - passedBytes))
        await write(sink, slice)
        start += slice.length
        passedBytes += slice.length
        if (bytesPerSecond !== Infinity) await setTimeout((slice.length / bytesPerSecond) * 1000, undefined, { signal })
        else if (sliceBytes !== Infinity) await setImmediate(undefined, { signal })
      }
      if (passedBytes === endAt) break
    }
  } else if (sink.connecting) {
    await once(sink, 'connect', { signal })
  }

  if (passedBytes < endAt) {
    sink.end()
  } else if (endAt === resetAfterBytes) {
    await setTimeout(READING_MS, undefined, { signal })
    abort(source)
    abort(sink)
  } else if (endAt === cutAfterBytes) {
    sink.end()
    source.resume()
  }
}

/**
 * What a socket brings, each chunk `latencyMs` after it came; it returns as late after the socket's end. Reading goes on
 * meanwhile, up to MAX_QUEUED_BYTES. Left early, it leaves the socket open and paused.
 */
async function* delayed(source: Socket, latencyMs: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const queue: { readonly chunk: Buffer | null; readonly dueMs: number }[] = []
  let queuedBytes = 0
  let arrived = () => {}
  const put = (chunk: Buffer | null) => {
    queue.push({ chunk, dueMs: performance.now() + latencyMs })
    queuedBytes += chunk?.length ?? 0
    if (queuedBytes > MAX_QUEUED_BYTES) source.pause()
    arrived()
  }
  const end = () => put(null)
  // What is still queued when a socket is destroyed is lost, as on a network.
  const gone = () => arrived()
  source.on('data', put).on('end', end).on('close', gone)
  signal.addEventListener('abort', gone)
  source.resume()
  try {
    for (;;) {
      const next = queue.shift()
      if (!next) {
        signal.throwIfAborted()
        if (source.destroyed && !source.readableEnded) throw new Error('the socket is gone')
        await new Promise<void>((resolve) => {
          arrived = resolve
        })
        continue
      }
      const { chunk, dueMs } = next
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) await setTimeout(waitMs, undefined, { signal })
      if (chunk === null) return
      queuedBytes -= chunk.length
      if (queuedBytes <= MAX_QUEUED_BYTES) source.resume()
      yield chunk
    }
  } finally {
    source.off('data', put).off('end', end).off('close', gone).pause()
    signal.removeEventListener('abort', gone)
  }
}

/** Resolves once the system has taken the bytes; so a reset behind them does not overtake them in our own queue. */
function write(sink: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
