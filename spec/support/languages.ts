import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, PROTOBUF_JAR, PYTHON, type RunOptions, type RunResult, run, start } from './peers.ts'

// The programs of spec/peers/ in other languages, with its schema compiled for them.
//
//   let python: Language
//   before(async function () {
//     peer(this, pythonPeer)
//     python = await compilePython()
//   })
//   it('…', async () => {
//     const server = python.start('origin.py', ['server'])
//     const port = Number(await server.line())
//     …
//     await server.stop()
//   })

const PEERS = join(__dirname, '..', 'peers')
const SCHEMAS = join(__dirname, '..', '..', 'schemas')

/** A language whose programs are ready to run. */
export interface Language {
  /** Starts a program that goes on beside the spec, such as a server. */
  start(program: string, args: readonly string[], options?: RunOptions): Child
  /** Runs a program to its end. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
}

let python: Promise<Language> | undefined
let java: Promise<Language> | undefined

/** Python, with the schema's modules made by protoc; once in a mocha run. A program is a file of `spec/peers/python/`. */
export function compilePython(): Promise<Language> {
  python ??= (async () => {
    const folder = temporaryFolder()
    await protoc('--python_out', folder)
    const command = (program: string, args: readonly string[]) => ['-B', join(PEERS, 'python', program), ...args]
    const withModules = (options: RunOptions = {}) => ({ ...options, env: { ...options.env, PYTHONPATH: folder } })
    return {
      start: (program, args, options) => start(PYTHON, command(program, args), withModules(options)),
      run: (program, args, options) => run(PYTHON, command(program, args), withModules(options)),
    }
  })()
  return python
}

/**
 * Java, with the schema's classes and every file of `spec/peers/java/` compiled; once in a mocha run. A program is a class. It
 * takes 3 to 5 s: give the `before` that calls it a time-out of 60 s.
 */
export function compileJava(): Promise<Language> {
  java ??= (async () => {
    const folder = temporaryFolder()
    const sources = join(folder, 'sources')
    const classes = join(folder, 'classes')
    mkdirSync(sources)
    await protoc('--java_out', sources)
    // javac finds the schema's sources by their names. One tier of its JIT compiler starts faster than two.
    const flags = ['-J-XX:TieredStopAtLevel=1', '-proc:none', '-nowarn']
    const path = ['-d', classes, '-cp', PROTOBUF_JAR, '-sourcepath', sources]
    await run('javac', [...flags, ...path, join(PEERS, 'java', 'Delimited.java')], { timeoutMs: 60_000 })
    const command = (program: string, args: readonly string[]) => [
      '-XX:TieredStopAtLevel=1',
      ...['-cp', `${PROTOBUF_JAR}:${classes}`, program, ...args],
    ]
    return {
      start: (program, args, options) => start('java', command(program, args), options),
      run: (program, args, options) => run('java', command(program, args), options),
    }
  })()
  return java
}

/** A frame as `origin.py golden` describes it. */
export interface GoldenFrame {
  readonly type: number
  /** Relative to the package `peers`. */
  readonly name: string
  /** In proto3's JSON: 64-bit integers as text, bytes as base64, NaN and the infinities as text; enums as numbers. */
  readonly message: Readonly<Record<string, unknown>>
}

/** Reads the description that stands beside a golden file. */
export function readGolden(file: string): readonly GoldenFrame[] {
  return JSON.parse(readFileSync(`${file}.json`, 'utf8'))
}

/** A folder for what a spec makes, removed when mocha's process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qbp-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function protoc(generate: '--python_out' | '--java_out', folder: string): Promise<void> {
  const include = [PEERS, SCHEMAS].map((it) => `--proto_path=${it}`)
  await run('protoc', [...include, `${generate}=${folder}`, 'peers.proto', 'qbp/options.proto'])
}
