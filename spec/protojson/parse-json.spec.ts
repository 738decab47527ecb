import { expect } from 'chai'
import fc from 'fast-check'
import { parseJson } from '../../lib/protojson/parse-json.ts'

/** With the digits that JSON.parse loses lost. */
function rounded(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(rounded)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]))
}

describe('JSON text', () => {
  it('reads as JSON.parse reads it, however it is spaced', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space)
        expect(rounded(parseJson(`  ${text}\r\n`))).to.deep.equal(JSON.parse(text))
      }),
      { numRuns: 300 },
    )
  })

  it('is refused where JSON.parse refuses it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,0123-+.eE tfn\\u"\n'), maxLength: 12 }), (text) => {
        let is = true
        try {
          JSON.parse(text)
        } catch {
          is = false
        }
        if (is) parseJson(text)
        else expect(() => parseJson(text), text).to.throw(SyntaxError)
      }),
      { numRuns: 2_000 },
    )
  })

  it('keeps the digits of integers beyond 2**53', () => {
    expect(parseJson('[9223372036854775807, -9223372036854775808, 9007199254740991, 1e30]')).to.deep.equal([
      2n ** 63n - 1n,
      -(2n ** 63n),
      2 ** 53 - 1,
      1e30,
    ])
  })

  it('keeps a minus before 0', () => {
    expect(Object.is(parseJson('-0'), -0)).to.equal(true)
  })

  it('is refused with a key twice', () => {
    expect(() => parseJson('{"a": 1, "\\u0061": 2}')).to.throw(SyntaxError, 'The key "a" at position 9 of the JSON')
  })

  it('takes __proto__ for a key like any other', () => {
    const value = parseJson('{"__proto__": {"polluted": 1}}') as Record<string, unknown>
    expect(Object.keys(value)).to.deep.equal(['__proto__'])
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype)
  })

  it('is refused when nested without end, and does not overflow the stack', () => {
    expect(() => parseJson('['.repeat(1e6))).to.throw(SyntaxError, 'nested deeper than 1000')
  })
})
