import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, posix } from 'node:path'
import { expect } from 'chai'
import ts from 'typescript'

// A file imports only from floors below its own; types too. `folder/*` stands for every file of a folder, and those may
// import one another. Read it from the ground up.
const FLOORS: readonly (readonly string[])[] = [
  /*  0 */ ['errors'],
  /*  1 */ ['codegen', 'kind', 'layout', 'limits', 'resolve'],
  /*  2 */ ['heads', 'wire'],
  /*  3 */ ['header', 'int64', 'text'],
  /*  4 */ ['assembly', 'type'],
  /*  5 */ ['batch', 'convert', 'decode', 'encode', 'fault'],
  /*  6 */ ['schema', 'load', 'table', 'frames'],
  /*  7 */ ['listing', 'typing', 'tally'],
  /*  8 */ ['protocol'],
  /*  9 */ ['framer', 'inbox'],
  /* 10 */ ['turn', 'waiting', 'lazy', 'ports', 'backlog', 'deadline', 'doorkeeper', 'diagnostics'],
  /* 11 */ ['iterate', 'tls'],
  /* 12 */ ['settings', 'counts', 'supply'],
  /* 13 */ ['receiver', 'sender'],
  /* 14 */ ['readable', 'writable', 'plumbing'],
  /* 15 */ ['connection'],
  /* 16 */ ['server', 'client', 'group'],
  /* 17 */ ['channels', 'bus/*', 'reconnect'],
  /* 18 */ ['seat', 'presence', 'session'],
  /* 19 */ ['lane', 'sessions'],
  /* 20 */ ['bus-group'],
  /* 21 */ ['index', 'testing/*'],
  /* 22 */ ['window/*'],
  /* 23 */ ['cli/*'],
  /* 24 */ ['window/page/*'],
]

// Up to this floor a file knows bytes and messages only, no stream, socket or timer: it runs in a browser.
const HIGHEST_FLOOR_WITHOUT_NODE = 9
const NODE_ONLY = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']

// The files that may name protobufjs: everything else is written against types of our own.
const PROTOBUFJS_FILES = ['resolve', 'load', 'schema', 'int64']

const LIB = join(__dirname, '..', 'lib')

interface SourceFile {
  /** The path inside lib/, without `.ts` or `.tsx`: `bus/nats`. */
  readonly name: string
  /** What it imports, as written: `node:net`, `./frames.ts`. */
  readonly imports: readonly string[]
  readonly identifiers: ReadonlySet<string>
}

/**
 * What a file names. Imports are those of values and of types, `export … from`, `import()` as an expression and as a type, and
 * `require()`.
 *
 * @throws if an import's argument is not plain text, which nobody could check.
 */
function readSource(name: string, text: string, path = `${name}.ts`): SourceFile {
  const imports: string[] = []
  const identifiers = new Set<string>()
  const named = (node: ts.Node | undefined): void => {
    if (!node || !ts.isStringLiteralLike(node)) throw new Error(`${path}: an import of something other than plain text`)
    imports.push(node.text)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) identifiers.add(node.text)
    else if (ts.isImportDeclaration(node)) named(node.moduleSpecifier)
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) named(node.moduleSpecifier)
    else if (ts.isExternalModuleReference(node)) named(node.expression)
    else if (ts.isImportTypeNode(node)) named(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined)
    else if (ts.isCallExpression(node)) {
      const { expression: callee } = node
      const required = ts.isIdentifier(callee) && callee.text === 'require'
      if (required || callee.kind === ts.SyntaxKind.ImportKeyword) named(node.arguments[0])
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return { name, imports, identifiers }
}

/** The floor of a file of lib/ and its place in the table, or undefined if the table lacks it. */
function placeOf(name: string): { floor: number; entry: string } | undefined {
  for (const [floor, entries] of FLOORS.entries()) {
    const entry = entries.find((it) => it === name || it === `${posix.dirname(name)}/*`)
    if (entry) return { floor, entry }
  }
  return undefined
}

/** The name of the file of lib/ that a relative import means, or undefined for a package. */
function targetOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.tsx?$/, '')
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier)
}

/** A circle of imports, `a → b → a`, or undefined. */
function circleIn(files: readonly SourceFile[]): string | undefined {
  const byName = new Map(files.map((file) => [file.name, file]))
  const done = new Set<string>()
  const walk = (name: string, path: readonly string[]): string | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name].join(' → ')
    if (done.has(name)) return undefined
    for (const specifier of byName.get(name)?.imports ?? []) {
      const target = targetOf(name, specifier)
      const circle = target && walk(target, [...path, name])
      if (circle) return circle
    }
    done.add(name)
    return undefined
  }
  for (const { name } of files) {
    const circle = walk(name, [])
    if (circle) return circle
  }
  return undefined
}

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
  .map((path) => readSource(path.replace(/\.tsx?$/, ''), readFileSync(join(LIB, path), 'utf8'), path))

const withoutNode = files.filter((file) => (placeOf(file.name)?.floor ?? Infinity) <= HIGHEST_FLOOR_WITHOUT_NODE)

describe('floors', () => {
  it('know every file of lib/', () => {
    expect(files.map((file) => file.name).filter((name) => !placeOf(name))).to.deep.equal([])
  })

  it('name only files that exist', () => {
    const entries = new Set(files.map((file) => placeOf(file.name)?.entry))
    expect(FLOORS.flat().filter((entry) => !entries.has(entry))).to.deep.equal([])
  })

  it('are imported from above only', () => {
    const faults = files.flatMap(({ name, imports }) =>
      imports.flatMap((specifier) => {
        const target = targetOf(name, specifier)
        if (target === undefined) return []
        const [here, there] = [placeOf(name), placeOf(target)]
        if (!here || !there) return [`${name} imports ${specifier}, and one of them has no floor`]
        if (there.floor < here.floor) return []
        if (there.entry === here.entry && here.entry.endsWith('/*')) return []
        return [`${name} (floor ${here.floor}) imports ${target} (floor ${there.floor})`]
      }),
    )
    expect(faults).to.deep.equal([])
  })

  it('have no circle of imports', () => {
    expect(circleIn(files)).to.equal(undefined)
  })

  it('import only files of lib/, by relative paths that end in .ts or .tsx', () => {
    const relative = files.flatMap(({ imports }) => imports.filter((specifier) => specifier.startsWith('.')))
    expect(relative.filter((specifier) => !/\.tsx?$/.test(specifier))).to.deep.equal([])
    const names = new Set(files.map((file) => file.name))
    const outside = files.flatMap(({ name, imports }) =>
      imports.filter((specifier) => {
        const target = targetOf(name, specifier)
        return target !== undefined && !names.has(target)
      }),
    )
    expect(outside).to.deep.equal([])
  })

  it(`name protobufjs in ${PROTOBUFJS_FILES.join(' and ')} alone`, () => {
    const naming = files.filter(({ imports }) => imports.some((specifier) => /^protobufjs(\/|$)/.test(specifier)))
    expect(naming.map((file) => file.name).filter((name) => !PROTOBUFJS_FILES.includes(name))).to.deep.equal([])
  })

  it(`name no module of Node's up to floor ${HIGHEST_FLOOR_WITHOUT_NODE}`, () => {
    const faults = withoutNode.flatMap(({ name, imports }) =>
      imports.filter(isNodeModule).map((specifier) => `${name} imports ${specifier}`),
    )
    expect(faults).to.deep.equal([])
  })

  it(`name no process, timer or microtask up to floor ${HIGHEST_FLOOR_WITHOUT_NODE}`, () => {
    const faults = withoutNode.flatMap(({ name, identifiers }) =>
      NODE_ONLY.filter((identifier) => identifiers.has(identifier)).map((identifier) => `${name} names ${identifier}`),
    )
    expect(faults).to.deep.equal([])
  })

  describe('are read from a file', () => {
    it('by every form of import', () => {
      const text = `
        import a from './a.ts'
        import type { B } from './b.ts'
        import { type C } from './c.ts'
        import './d.ts'
        export * from './e.ts'
        export type { F } from './f.ts'
        const g = await import('./g.ts')
        type H = import('./h.ts').H
        const i = require('./i.ts')
        import j = require('./j.ts')
        // import k from './k.ts'
        const l = "import l from './l.ts'"`
      const { imports } = readSource('x', text)
      expect(imports).to.deep.equal([...'abcdefghij'].map((letter) => `./${letter}.ts`))
    })

    it('by identifiers, not by comments or text', () => {
      const { identifiers } = readSource('x', '// process\nconst a = "setTimeout"; globalThis.queueMicrotask(a)')
      expect(NODE_ONLY.filter((identifier) => identifiers.has(identifier))).to.deep.equal(['queueMicrotask'])
    })

    it('refusing an import that is computed', () => {
      expect(() => readSource('x', 'await import(name)')).to.throw('x.ts: an import of something other than plain text')
    })

    it('with circles found', () => {
      const circle = [
        readSource('cli/a', "import './b.ts'"),
        readSource('cli/b', "import '../cli/c.ts'"),
        readSource('cli/c', "import './a.ts'"),
      ]
      expect(circleIn(circle)).to.equal('cli/a → cli/b → cli/c → cli/a')
      expect(circleIn(circle.slice(0, 2))).to.equal(undefined)
    })
  })
})
