import type { Selection } from '../options/selection.ts'
import { Enum, type Namespace, type ReflectionObject, type Root, type Service, Type } from './reflection.ts'

/** A message or enum as the module declares it. */
export interface Declared<T extends Type | Enum = Type | Enum> {
  readonly object: T
  /** What is read. */
  readonly name: string
  /** What may be written. */
  readonly init: string
}

/** A service as the module declares it: its constant, and the types of its two ends. */
export interface DeclaredService {
  readonly name: string
  readonly client: string
  readonly handlers: string
}

/**
 * One scope of the module: the module itself, or the namespace of what is nested in a message or stands in a package.
 *
 * Such a namespace holds types only, so it may have the name of its message, and no code comes of it.
 */
export interface Scope {
  readonly name: string
  readonly path: readonly Scope[]
  /** Every name that is declared right here. */
  readonly names: Set<string>
  readonly declared: Declared[]
  readonly inner: Scope[]
}

// Words that TypeScript takes for something else where a type, a namespace or a constant is declared, in any kind of module.
const RESERVED = new Set(
  (
    'abstract any arguments as asserts async await bigint boolean break case catch class const constructor continue debugger ' +
    'declare default delete do else enum eval export exports extends false finally for from function get global globalThis if ' +
    'implements import in infer instanceof interface intrinsic is keyof let module namespace never new null number object of ' +
    'out override package private protected public readonly require return satisfies set static string super switch symbol ' +
    'this throw true try type typeof undefined unique unknown using var void while with yield Infinity NaN __esModule ' +
    '__dirname __filename'
  ).split(' '),
)

/** `name` as an identifier that is not in `taken`, which it joins. */
function claim(name: string, taken: Set<string>): string {
  while (taken.has(name) || RESERVED.has(name)) name += '_'
  taken.add(name)
  return name
}

/** `a_nice.name` as an identifier: `aNiceName`. */
const camelCase = (name: string): string => name.replace(/[_.]+([a-zA-Z0-9]|$)/g, (_, letter) => letter.toUpperCase())

/** A package's last segment that says which version it is: `v1`, `v2beta1`, `v1p1alpha3`; `v2x` is a name. */
const VERSION = /^v\d+(p\d+)?((alpha|beta|test)\d*)?$/

/** What a module's schema is called: the package's last segment, versions aside, so that `acme.chat.v1` is `chat`. */
function schemaName(home: Namespace): string {
  let named: Namespace = home
  while (VERSION.test(named.name) && named.parent?.name) named = named.parent
  return camelCase(named.name) || 'schema'
}

/**
 * The names of a module's declarations, and how each is called from any place in it.
 *
 * The module is the package: what the .proto nests is nested in namespaces, and what is outside the package stands under its
 * full name. A name that is taken or reserved gets an underscore; the order is that of the .proto, so it stays what it was
 * when something is added after it.
 */
export class Names {
  /** The constant that holds the schema. */
  readonly schema: string
  /** The map from message names to types. */
  readonly messages: string
  readonly module: Scope
  /** Types that no place can call by a name of their own, because a nearer declaration hides it: alias to full name. */
  readonly aliases = new Map<string, string>()

  #services = new Map<Service, DeclaredService>()
  #places = new Map<ReflectionObject, { scope: Scope; declared: Declared }>()
  #scopes: Scope[] = []
  #globals = new Map<string, string>()

  /** @param home the module's package, or the root itself. */
  constructor(root: Root, { types, enums, services }: Selection, home: Namespace) {
    const inside = new Set<ReflectionObject>()
    const outside = new Set<ReflectionObject>()
    for (const object of [...types, ...enums]) {
      const owners: ReflectionObject[] = []
      for (let at: ReflectionObject | null = object; at !== null; at = at.parent) owners.push(at)
      for (const owner of owners) (owners.includes(home) ? inside : outside).add(owner)
    }

    const fill = (scope: Scope, namespace: Namespace, populated: Set<ReflectionObject>): void => {
      const inner: [Scope, Namespace][] = []
      for (const object of namespace.nestedArray) {
        if (!populated.has(object)) continue
        const name = claim(object.name, scope.names)
        if (object instanceof Type || object instanceof Enum) {
          const declared = { object, name, init: '' }
          scope.declared.push(declared)
          this.#places.set(object, { scope, declared })
        }
        if (object instanceof Enum || !(object as Namespace).nestedArray.some((child) => populated.has(child))) continue
        const child: Scope = { name, path: [...scope.path, scope], names: new Set(), declared: [], inner: [] }
        scope.inner.push(child)
        inner.push([child, object as Namespace])
      }
      for (const [child, object] of inner) fill(child, object, populated)
    }

    this.module = { name: '', path: [], names: new Set(), declared: [], inner: [] }
    this.schema = claim(schemaName(home), this.module.names)
    fill(this.module, home, inside)
    fill(this.module, root, outside)

    const finish = (scope: Scope): void => {
      this.#scopes.push(scope)
      for (const declared of scope.declared)
        (declared as { init: string }).init = claim(`${declared.name}Init`, scope.names)
      for (const inner of scope.inner) finish(inner)
    }
    finish(this.module)
    this.messages = claim('Messages', this.module.names)
    for (const service of services) {
      const name = claim(service.name, this.module.names)
      const [client, handlers] = ['Client', 'Handlers'].map((end) => claim(`${name}${end}`, this.module.names))
      this.#services.set(service, { name, client: client as string, handlers: handlers as string })
    }
  }

  service(service: Service): DeclaredService {
    return this.#services.get(service) as DeclaredService
  }

  /** How `from` calls what is read (or written) of a type: by the least of its full name that means it there. */
  type(object: Type | Enum, side: 'name' | 'init', from: Scope): string {
    const { scope, declared } = this.#places.get(object) as { scope: Scope; declared: Declared }
    const owners = [...scope.path, scope]
    const path = [...owners.slice(1).map((owner) => owner.name), declared[side]]
    const around = [...from.path, from]
    for (let i = owners.length - 1; i >= 0; i--) {
      const name = path[i] as string
      if (around.findLast((place) => place.names.has(name)) === owners[i]) return path.slice(i).join('.')
    }
    const alias = this.#unused(`${declared[side]}_`)
    for (const [known, target] of this.aliases) if (target === path.join('.')) return known
    this.aliases.set(alias, path.join('.'))
    return alias
  }

  /** How the module calls the type of a message that carries its `$name`: `$Join` beside `Join`. */
  tagged(object: Type, side: 'name' | 'init'): string {
    const path = this.type(object, side, this.module).split('.')
    return [...path.slice(0, -1), `$${path.at(-1)}`].join('.')
  }

  /** How a constant enum is called: constants stand in the module only, so nothing hides them. */
  value(object: Enum): string {
    const { scope, declared } = this.#places.get(object) as { scope: Scope; declared: Declared }
    return [...[...scope.path, scope].slice(1).map((owner) => owner.name), declared.name].join('.')
  }

  /** How a type of the platform is called, even where the schema has one of that name. */
  global(name: 'Buffer' | 'Date' | 'Object' | 'Temporal' | 'Uint8Array'): string {
    return this.#scopes.some((scope) => scope.names.has(name)) ? `globalThis.${name}` : name
  }

  /** How a type that is imported is called. */
  imported(name: string): string {
    const known = this.#globals.get(name)
    if (known !== undefined) return known
    const local = this.#unused(name)
    this.#globals.set(name, local)
    return local
  }

  /** The `{ … }` of the import of all that {@link imported} was asked for. */
  get imports(): string {
    const parts = [...this.#globals].map(([name, local]) => (name === local ? name : `${name} as ${local}`))
    return `{ ${parts.sort().join(', ')} }`
  }

  /** A name that no scope has, so that it means the same everywhere. It joins the module's. */
  #unused(name: string): string {
    while (RESERVED.has(name) || this.#scopes.some((scope) => scope.names.has(name))) name += '_'
    this.module.names.add(name)
    return name
  }
}
