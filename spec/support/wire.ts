import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A wire to a server on loopback, to be cut, to be held up, or to lose what the server says. */
export class Wire {
  /** While true, nothing that the server says gets through. */
  isDeaf = false
  /** Which of the server's chunks get lost. */
  loses: (said: Buffer) => boolean = () => false
  /** What the server is told waits for this. */
  before: (said: Buffer) => Promise<void> | undefined = () => undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect(to, '127.0.0.1')
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          this.#sockets.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      near.on('data', (chunk) => {
        const waiting = this.before(chunk)
        if (waiting === undefined) {
          far.write(chunk)
          return
        }
        near.pause()
        void waiting.then(() => {
          far.write(chunk)
          near.resume()
        })
      })
      far.on('data', (chunk) => this.isDeaf || this.loses(chunk) || near.write(chunk))
    })
  }

  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port)
    await once(wire.#server.listen(0, '127.0.0.1'), 'listening')
    return wire
  }

  get url(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }
}
