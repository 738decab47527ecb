import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sendSignal } from './this-runtime.ts'

/** A nats-server with JetStream, of this test alone: a free port on loopback, a data folder of its own, its own process. */
export class NatsServer {
  readonly port: number
  readonly #binary: string
  readonly #more: string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'qbp-nats-'))
  #process: ChildProcess | undefined
  readonly #onExit = () => this.#process?.kill('SIGKILL')

  private constructor(binary: string, port: number, more: string[], config: string, isStoring = true) {
    this.#binary = binary
    this.port = port
    this.#more = [...more, ...(isStoring ? ['-js', '-sd', this.#folder] : [])]
    if (config !== '') {
      const file = `${this.#folder}.conf`
      writeFileSync(file, config)
      this.#more.push('-c', file)
    }
    process.on('exit', this.#onExit)
  }

  /** Skips the running test or suite where there is no nats-server; fails it under QBP_PEERS=required. */
  static async start(context: Mocha.Context, ...more: string[]): Promise<NatsServer> {
    if (findBinary() === undefined) {
      if (process.env.QBP_PEERS === 'required') throw new Error(MISSING)
      console.log(`      skipped, ${MISSING}`)
      context.skip()
    }
    return NatsServer.launch(...more)
  }

  /** @throws where there is no nats-server. */
  static async launch(...more: string[]): Promise<NatsServer> {
    const server = new NatsServer(binary(), await freePort(), more, '')
    await server.up()
    return server
  }

  /** One without JetStream, but for what its configuration says. */
  static async launchPlain(...more: string[]): Promise<NatsServer> {
    const server = new NatsServer(binary(), await freePort(), more, '', false)
    await server.up()
    return server
  }

  /** One server, or several that are one cluster, with lines of configuration. */
  static async cluster(size: number, config = '', isStoring = true): Promise<NatsServer[]> {
    const routes = await Promise.all(Array.from({ length: size }, freePort))
    const servers = await Promise.all(
      routes.map(async (route, n) => {
        const flags =
          size === 1
            ? []
            : [
                ...['-n', `n${n}`, '--cluster_name', 'qbp', '--cluster', `nats://127.0.0.1:${route}`],
                ...['--routes', routes.map((port) => `nats://127.0.0.1:${port}`).join(',')],
              ]
        const server = new NatsServer(binary(), await freePort(), flags, config, isStoring)
        await server.up()
        return server
      }),
    )
    return servers
  }

  get url(): string {
    return `127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  async up(): Promise<void> {
    const args = ['-a', '127.0.0.1', '-p', String(this.port), ...this.#more]
    this.#process = spawn(this.#binary, args, { stdio: 'ignore' })
    while (!(await accepts(this.port))) {
      if (this.#process.exitCode !== null) throw new Error(`nats-server ended with ${this.#process.exitCode}`)
      await pause(10)
    }
  }

  /** Stops it in its tracks, lets it go on, has it read its configuration again, or sends its clients away. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGHUP' | 'SIGUSR2'): void {
    if (this.#process) sendSignal(this.#process, signal)
  }

  /** kill -9, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  /** As an operator ends it: it hands over first what it leads. */
  async end(): Promise<void> {
    const gone = this.#process && once(this.#process, 'exit')
    this.#process?.kill('SIGTERM')
    await gone
  }

  /** While it is killed: all that it had on disk is gone. */
  lose(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** While it is killed: a copy of what it has on disk, to be brought back by `restore`. */
  save(): void {
    rmSync(`${this.#folder}-saved`, { recursive: true, force: true })
    cpSync(this.#folder, `${this.#folder}-saved`, { recursive: true })
  }

  /** While it is killed: what it had on disk at the time of `save`. */
  restore(): void {
    this.lose()
    cpSync(`${this.#folder}-saved`, this.#folder, { recursive: true })
  }

  async stop(): Promise<void> {
    await this.kill()
    this.lose()
    rmSync(`${this.#folder}-saved`, { recursive: true, force: true })
    rmSync(`${this.#folder}.conf`, { force: true })
    process.off('exit', this.#onExit)
  }
}

const MISSING = 'no nats-server found: apt-get install nats-server'

function binary(): string {
  const found = findBinary()
  if (found === undefined) throw new Error(MISSING)
  return found
}

function findBinary(): string | undefined {
  const folders = ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, 'nats-server')).find((file) => existsSync(file))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', () => end(true)).once('error', () => end(false))
  })
}
