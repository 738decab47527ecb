import { expect } from 'chai'
import type { QbpError } from '../../lib/base/errors.ts'
import { listed } from '../../lib/base/listed.ts'
import { nearest } from '../../lib/base/nearest.ts'
import {
  byteLimit,
  countLimit,
  flag,
  knownOptions,
  milliseconds,
  type OptionNames,
  oneOf,
} from '../../lib/base/options.ts'
import { shown } from '../../lib/base/shown.ts'

interface Options {
  maxBodyBytes?: number
  maxQueuedBytes?: number
  idleTimeoutMs?: number
  slow?: 'destroy' | 'throw'
}
const OPTIONS: OptionNames<Options> = { maxBodyBytes: true, maxQueuedBytes: true, idleTimeoutMs: true, slow: true }

const check = (options: unknown) => () => knownOptions('A writer', options as Options, OPTIONS)

function refusal(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    return error as QbpError
  }
  throw new Error('nothing was thrown')
}

describe('The names of options', () => {
  for (const [wrong, meant] of Object.entries({
    maxQueueBytes: 'maxQueuedBytes',
    maxqueuedbytes: 'maxQueuedBytes',
    max_queued_bytes: 'maxQueuedBytes',
    maxQueued: 'maxQueuedBytes',
    maxBdoyBytes: 'maxBodyBytes',
    idleTimeout: 'idleTimeoutMs',
    idleTimeoutMS: 'idleTimeoutMs',
    idleTimeoutMsec: 'idleTimeoutMs',
    solw: 'slow',
  })) {
    it(`are refused if misspelt: ${wrong}`, () => {
      const fault = refusal(check({ [wrong]: 5 }))
      expect(fault.code).to.equal('ERR_QBP_BAD_OPTION')
      expect(fault.message).to.equal(`A writer has no option ${wrong}: did you mean ${meant}?`)
      expect(fault.option).to.equal(wrong)
    })
  }

  it('are listed where none is near', () => {
    expect(refusal(check({ colour: 'red' })).message).to.equal(
      'A writer has no option colour: it may have maxBodyBytes, maxQueuedBytes, idleTimeoutMs, slow.',
    )
  })

  it('are refused where they are inherited, as they would be read', () => {
    expect(check(Object.create({ maxQueueBytes: 5 }))).to.throw('did you mean maxQueuedBytes?')
    expect(check(Object.create({ maxQueuedBytes: 5 }))).not.to.throw()
  })

  it('may be any if their value is undefined', () => {
    expect(check({ maxBodyBytes: undefined, colour: undefined })).not.to.throw()
    expect(check(undefined)).not.to.throw()
    expect(check({})).not.to.throw()
  })

  it('are an object’s', () => {
    for (const [options, found] of [
      [null, 'null'],
      [5, '5'],
      ['maxBodyBytes', '"maxBodyBytes"'],
      [['maxBodyBytes'], 'an array'],
      [() => {}, 'a function'],
    ])
      expect(refusal(check(options)).message).to.equal(`The options of A writer are ${found}, not an object.`)
  })
})

describe('The values of options', () => {
  it('are their defaults where undefined', () => {
    expect(byteLimit('a', undefined, 1)).to.equal(1)
    expect(countLimit('a', undefined, 2)).to.equal(2)
    expect(milliseconds('a', undefined, 3)).to.equal(3)
    expect(oneOf('a', undefined, 'x', ['x', 'y'])).to.equal('x')
    expect(flag('a', undefined, true)).to.equal(true)
  })

  it('are refused with what was found and what is allowed', () => {
    const bare = Object.create(null) as never // String() of it throws.
    for (const [act, text] of [
      [
        () => byteLimit('maxBodyBytes', 0, 1),
        'maxBodyBytes is 0; it may be a positive integer of bytes, or Infinity for no limit.',
      ],
      [
        () => byteLimit('a', '5' as never, 1),
        "a is '5'; it may be a positive integer of bytes, or Infinity for no limit.",
      ],
      [() => countLimit('a', 1.5, 1), 'a is 1.5; it may be a positive integer, or Infinity for no limit.'],
      [
        () => countLimit('a', bare, 1),
        'a is a null-prototype object; it may be a positive integer, or Infinity for no limit.',
      ],
      [
        () => milliseconds('a', Number.NaN, 1),
        'a is NaN; it may be a positive number of milliseconds, or Infinity for no limit.',
      ],
      [
        () => milliseconds('a', 5n as never, 1),
        'a is 5n; it may be a positive number of milliseconds, or Infinity for no limit.',
      ],
      [() => oneOf('slow', 'drop' as never, 'x', ['x', 'y', 'z']), "slow is 'drop'; it may be 'x', 'y' or 'z'."],
      [() => flag('a', 1 as never, true), 'a is 1; it may be true or false.'],
    ] as const) {
      const fault = refusal(act)
      expect([fault.code, fault.message]).to.deep.equal(['ERR_QBP_BAD_OPTION', text])
    }
  })
})

describe('Values in errors', () => {
  it('are short, and never throw', () => {
    for (const [value, text] of [
      ['hi', '"hi"'],
      ['x'.repeat(41), 'a string of 41 characters'],
      [10n ** 50n, 'a bigint of 51 digits'],
      [Symbol('s'), 'Symbol(s)'],
      [Object.create(null), 'a null-prototype object'],
      [{}, 'a plain object'],
      [new Map(), 'a Map'],
      [new Uint8Array(), 'a Uint8Array'],
      [new URIError(), 'a URIError'],
      [new Date(0), 'a Date of 1970-01-01T00:00:00.000Z'],
      [new Date(Number.NaN), 'a Date that is invalid'],
      [Object.create({ constructor: 5 }), 'an object'],
      [Proxy.revocable({}, {}).proxy, 'a plain object'],
    ] as const)
      expect(shown(value)).to.equal(text)
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(shown(proxy)).to.equal('a revoked Proxy')
  })
})

describe('Names in errors', () => {
  it('are listed up to twelve', () => {
    const names = Array.from({ length: 13 }, (_, i) => `n${i}`)
    expect(listed(names.slice(1))).to.equal('n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12')
    expect(listed(names)).to.equal('n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, …')
  })

  it('are guessed only where near', () => {
    expect(nearest('Sya', ['Say', 'Join'])).to.equal('Say')
    expect(nearest('x', ['y', 'Join'])).to.equal(undefined)
    expect(nearest('', ['a'])).to.equal(undefined)
    expect(nearest('constructor', [])).to.equal(undefined)
  })
})
