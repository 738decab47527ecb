/** A proxy that nobody can look at any more. */
function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** An error of which a property cannot be read. */
function hostile(property: string): Error {
  return Object.defineProperty(new Error('hostile'), property, {
    get() {
      throw new Error(`no ${property}`)
    },
  })
}

/** What users' code may throw, or give as a reason: each of it has broken something that looked at it. */
export const thrownThings: readonly [what: string, thing: unknown][] = [
  ['an Error', new Error('bug')],
  ['a text', 'no error at all'],
  ['undefined', undefined],
  ['null', null],
  ['false', false],
  ['NaN', Number.NaN],
  ['a bigint', 1n],
  ['a symbol', Symbol('s')],
  ['a function', () => {}],
  ['an object without a prototype', Object.create(null)],
  [
    'an object that cannot become text',
    {
      toString() {
        throw new Error('no text')
      },
    },
  ],
  ['a revoked proxy', revoked({})],
  ['a revoked proxy of an Error', revoked(new Error('bug'))],
  [
    'a proxy that throws',
    new Proxy(new Error('bug'), {
      get() {
        throw new Error('no')
      },
    }),
  ],
  ...['message', 'stack', 'name', 'code'].map((name): [string, unknown] => [`an Error without ${name}`, hostile(name)]),
  ['an Error with a code that is no text', Object.assign(new Error('bug'), { code: Symbol('c') })],
  ['an Error with a code that is an object', Object.assign(new Error('bug'), { code: Object.create(null) })],
]
