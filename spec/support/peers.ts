import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

// Real programs that our streams talk to. Where one is not installed its specs skip, with a line that says what to install;
// with QBP_PEERS=required, as in .ci/run, they fail instead, so that no peer goes missing unnoticed.
//
//   before(function () {
//     peer(this, { needs: ['protoc', '/usr/share/java/protobuf.jar'], apt: 'protobuf-compiler libprotobuf-java' })
//   })

/** What a spec needs beside Node. */
export interface Peer {
  /** Commands looked for in PATH, and files by their absolute path. */
  readonly needs: readonly string[]
  /** The Debian packages that bring them, separated by spaces; or another command that does. */
  readonly apt?: string
  readonly bring?: string
}

/** Debian's own Python: another one in PATH does not see Debian's packages. */
export const PYTHON = '/usr/bin/python3'

const PYTHON_PROTOBUF = '/usr/lib/python3/dist-packages/google/protobuf/__init__.py'

/** Python with protobuf, and protoc with the well-known .proto files. */
export const pythonPeer: Peer = {
  needs: [PYTHON, PYTHON_PROTOBUF, 'protoc', '/usr/include/google/protobuf/descriptor.proto'],
  apt: 'python3-protobuf protobuf-compiler libprotobuf-dev',
}

/** The classpath of Debian's protobuf for Java. */
export const PROTOBUF_JAR = '/usr/share/java/protobuf.jar'

/** A JDK with protobuf, and protoc with the well-known .proto files. */
export const javaPeer: Peer = {
  needs: ['javac', 'java', PROTOBUF_JAR, 'protoc', '/usr/include/google/protobuf/descriptor.proto'],
  apt: 'default-jdk-headless libprotobuf-java protobuf-compiler libprotobuf-dev',
}

/**
 * Skips the calling spec or hook where a peer is not installed.
 *
 * @param context mocha's `this`, in a `before`, a `beforeEach` or an `it`. In a `before` it skips the whole `describe`.
 * @throws with QBP_PEERS=required, the same line as an error.
 */
export function peer(context: Mocha.Context, { needs, apt, bring = `apt-get install ${apt}` }: Peer): void {
  const missing = needs.filter((need) => !installed(need))
  if (missing.length === 0) return
  const line = `${missing.join(' and ')} not found: ${bring}`
  if (process.env.QBP_PEERS === 'required') throw new Error(`${line} (QBP_PEERS=required)`)
  process.stdout.write(`      ${line}\n`)
  context.skip()
}

function installed(need: string): boolean {
  if (isAbsolute(need)) return existsSync(need)
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, need), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** How a child process is run. */
export interface RunOptions {
  /** Written to its standard input, which then ends. Default: nothing, and the end. */
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** It is killed after this. Default 20 s: mocha's own time-out of a spec that runs a slow peer must be higher. */
  readonly timeoutMs?: number
}

/** What a child process left. */
export interface RunResult {
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program to its end.
 *
 * @throws if it cannot be started, exits with anything but 0, or takes longer than `timeoutMs`. The message has what it wrote
 * to stderr.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = start(command, args, options)
  child.process.stdin?.end(options.stdin ?? '')
  const stdout = text(child.process.stdout as NonNullable<ChildProcess['stdout']>)
  await child.exited
  return { stdout: await stdout, stderr: child.stderr() }
}

/** A program that goes on beside the spec: a server. */
export interface Child {
  readonly process: ChildProcess
  /** What it wrote to stderr so far. */
  stderr(): string
  /**
   * Its next line on stdout, without the line's end; what a server prints first is its port. One call at a time, and not
   * beside another reader of `process.stdout`.
   *
   * @throws with its stderr, if it ends before the line does.
   */
  line(): Promise<string>
  /** Resolves at its exit with code 0; rejects, with its stderr, at any other end. */
  readonly exited: Promise<void>
  /** Kills this child, by its own id, if it is still there; resolves once it is gone. Never throws. */
  stop(): Promise<void>
}

/** Starts a program. It is killed after `timeoutMs`, whatever the spec does. */
export function start(command: string, args: readonly string[], options: RunOptions = {}): Child {
  const { cwd, env, timeoutMs = 20_000 } = options
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const called = [command, ...args].join(' ')
  const errors: Buffer[] = []
  let timedOut = false
  let lines: NodeJS.AsyncIterator<string> | undefined

  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  // A child that ends without reading its input is judged by its exit code, not by this.
  child.stdin.on('error', () => {})
  const stderr = () => Buffer.concat(errors).toString()
  const timer = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, timeoutMs)

  const closed = new Promise<void>((resolve) => {
    // Not 'exit', after which output may still come. A child that cannot be started says 'error' and then 'close'.
    child.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  let startFault: Error | undefined
  child.once('error', (error) => {
    startFault = error
  })
  const fault = () => {
    const end = timedOut
      ? `was killed after ${timeoutMs} ms`
      : startFault
        ? `could not be started: ${startFault.message}`
        : `ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`
    return new Error(`${called}\n  ${end}\n${stderr().trimEnd().replace(/^/gm, '  | ')}`)
  }
  const exited = closed.then(() => {
    if (child.exitCode !== 0) throw fault()
  })
  // Whoever awaits it hears of it; a server that a spec stops is killed without a complaint.
  exited.catch(() => {})

  return {
    process: child,
    stderr,
    exited,
    async line() {
      lines ??= createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const { value, done } = await lines.next()
      if (!done) return value
      await closed
      throw fault()
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await closed
    },
  }
}
