import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, posix } from 'node:path'
import { expect } from 'chai'
import ts from 'typescript'

// The rooms of lib/, from the ground up, and what each may import: types too. A room is a folder; `index` is the file that
// exports the library. ARCHITECTURE.md has the picture.
const ROOMS = {
  base: [],
  'event-loop': ['base'],
  codec: ['base'],
  framing: ['codec', 'base'],
  protojson: ['framing', 'codec', 'base'],
  protocol: ['protojson', 'framing', 'codec', 'base'],
  calls: ['protocol', 'framing', 'codec', 'base'],
  stats: ['calls', 'framing', 'codec', 'base'],
  web: ['stats', 'calls', 'protocol', 'protojson', 'framing', 'codec', 'base'],
  streams: ['protocol', 'framing', 'codec', 'event-loop', 'base'],
  net: ['streams', 'stats', 'calls', 'protocol', 'framing', 'codec', 'event-loop', 'base'],
  bus: ['event-loop', 'base'],
  cluster: ['bus', 'net', 'streams', 'protocol', 'framing', 'codec', 'event-loop', 'base'],
  index: [
    'cluster',
    'bus',
    'net',
    'streams',
    'stats',
    'calls',
    'protojson',
    'protocol',
    'framing',
    'codec',
    'event-loop',
    'base',
  ],
  ws: ['net', 'streams', 'calls', 'protocol', 'framing', 'codec', 'event-loop', 'base'],
  testing: ['index', 'net', 'streams', 'calls', 'protocol', 'framing', 'codec', 'event-loop', 'base'],
  window: ['index', 'protojson', 'net', 'streams', 'calls', 'protocol', 'framing', 'codec', 'event-loop', 'base'],
  cli: [
    'window',
    'index',
    'protojson',
    'net',
    'streams',
    'calls',
    'protocol',
    'framing',
    'codec',
    'event-loop',
    'base',
  ],
} as const satisfies Record<string, readonly string[]>
type Room = keyof typeof ROOMS

// These know bytes and messages only, no stream, socket or timer: they run in a browser.
const WITHOUT_NODE: readonly Room[] = ['base', 'codec', 'framing', 'protocol', 'calls', 'stats', 'protojson']
/** These have timers, which a browser has, too. */
const WITHOUT_NODE_MODULES: readonly Room[] = [...WITHOUT_NODE, 'web']
const NODE_ONLY = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']

// protobufjs is named in one folder, and for its types in two files more: everything else is written against types of our own,
// and nothing of it is there before `Protocol.load` is called.
const PROTOBUFJS_FOLDER = 'protocol/schema/'
const PROTOBUFJS_TYPES = ['protocol/protocol', 'codec/int64']

const LIB = join(__dirname, '..', '..', 'lib')

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

/** The room of a file of lib/, or undefined if it has none. */
function roomOf(name: string): Room | undefined {
  const room = name.split('/')[0] as string
  return Object.hasOwn(ROOMS, room) ? (room as Room) : undefined
}

/** The imports of a file that its room does not allow. */
function wrongImports({ name, imports }: SourceFile): string[] {
  return imports.flatMap((specifier) => {
    const target = targetOf(name, specifier)
    if (target === undefined) return []
    const [here, there] = [roomOf(name), roomOf(target)]
    if (here === undefined || there === undefined) return [`${name} imports ${specifier}, and one of them has no room`]
    const allowed: readonly Room[] = ROOMS[here]
    return here === there || allowed.includes(there) ? [] : [`${name} imports ${target}: ${here} knows no ${there}`]
  })
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

const withoutNode = files.filter((file) => WITHOUT_NODE.includes(roomOf(file.name) as Room))
const withoutNodeModules = files.filter((file) => WITHOUT_NODE_MODULES.includes(roomOf(file.name) as Room))

describe('the rooms of lib/', () => {
  it('hold every file', () => {
    expect(files.map((file) => file.name).filter((name) => roomOf(name) === undefined)).to.deep.equal([])
  })

  it('hold a file each', () => {
    const used = new Set(files.map((file) => roomOf(file.name)))
    expect(Object.keys(ROOMS).filter((room) => !used.has(room as Room))).to.deep.equal([])
  })

  it('are listed from the ground up', () => {
    const order = Object.keys(ROOMS)
    const upwards = Object.entries(ROOMS).flatMap(([room, below]) =>
      below.filter((each) => order.indexOf(each) >= order.indexOf(room)).map((each) => `${room} → ${each}`),
    )
    expect(upwards).to.deep.equal([])
  })

  it('import only from the rooms below', () => {
    expect(files.flatMap(wrongImports)).to.deep.equal([])
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

  it('name protobufjs in its folder alone', () => {
    const naming = files.filter(({ imports }) => imports.some((specifier) => /^protobufjs(\/|$)/.test(specifier)))
    const others = naming.map((file) => file.name).filter((name) => !name.startsWith(PROTOBUFJS_FOLDER))
    expect(others.filter((name) => !PROTOBUFJS_TYPES.includes(name))).to.deep.equal([])
  })

  it(`name no module of Node's in ${WITHOUT_NODE_MODULES.join(', ')}`, () => {
    const faults = withoutNodeModules.flatMap(({ name, imports }) =>
      imports.filter(isNodeModule).map((specifier) => `${name} imports ${specifier}`),
    )
    expect(faults).to.deep.equal([])
  })

  it('name no process, timer or microtask there', () => {
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

    it('with wrong imports found', () => {
      const upwards = readSource('codec/a', "import '../framing/b.ts'\nimport './c.ts'\nimport '../base/d.ts'")
      expect(wrongImports(upwards)).to.deep.equal(['codec/a imports framing/b: codec knows no framing'])
      const homeless = readSource('a', "import './base/b.ts'")
      expect(wrongImports(homeless)).to.deep.equal(['a imports ./base/b.ts, and one of them has no room'])
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
