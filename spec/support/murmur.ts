import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { certificates } from './certificates.ts'
import { temporaryFolder } from './languages.ts'
import { type Peer, start } from './peers.ts'

/** Debian's Mumble server. */
export const murmurPeer: Peer = { needs: ['/usr/sbin/murmurd'], apt: 'mumble-server' }

/** A Mumble server of one spec: on loopback, with its own folder and process. */
export interface Murmur {
  readonly port: number
  /** What it logged so far. */
  log(): string
  stop(): Promise<void>
}

/** The user that murmurd becomes when it is started as root; the one whose folder its database must lie in. */
const USER = 'mumble-server'

/** Starts murmurd with the certificate of `certificates().server`; it listens when this resolves. It takes about 0.5 s. */
export async function startMurmur(): Promise<Murmur> {
  const folder = temporaryFolder()
  const { server } = await certificates()
  const port = await freePort()
  const root = process.getuid?.() === 0
  const file = (name: string, text = ''): string => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const settings = {
    database: file('murmur.sqlite'),
    sslCert: file('cert.pem', server.cert),
    sslKey: file('key.pem', server.key),
    host: '127.0.0.1',
    port,
    users: 10,
    welcometext: 'Welcome to the specs.',
    kdfiterations: 1000, // In lower case, whatever the manual says; else it measures the machine first, for a second.
    autobanAttempts: 0, // Else the tenth connection of two minutes is refused.
    bonjour: false,
    logfile: '', // To stderr.
    pidfile: '',
    dbus: '',
    ice: '',
    ...(root && { uname: USER }),
  }
  const ini = file(
    'murmur.ini',
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  if (root) {
    const id = (flag: string) => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }))
    for (const path of [folder, settings.database, settings.sslCert, settings.sslKey]) {
      chownSync(path, id('-u'), id('-g'))
    }
    chmodSync(folder, 0o700)
  }
  // A shell stands by, which kills murmurd when its standard input ends: also where this process is killed itself.
  const script = '"$0" "$@" & cat >/dev/null; kill -9 $!'
  const child = start('sh', ['-c', script, '/usr/sbin/murmurd', '-fg', '-ini', ini], { timeoutMs: 60_000 })
  const stop = () => {
    child.process.stdin?.end()
    return child.exited.catch(() => {})
  }
  const deadline = performance.now() + 10_000
  while (!/Server listening on/.test(child.stderr())) {
    if (performance.now() > deadline) {
      await stop()
      throw new Error(`murmurd did not come up:\n${child.stderr()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { port, log: child.stderr, stop }
}

/** A port that nobody listens on: murmurd takes 0 for its default. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
