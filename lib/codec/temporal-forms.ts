// Times and durations as Temporal has them, exact to the nanosecond: https://tc39.es/proposal-temporal

import { QbpError } from '../base/errors.ts'
import {
  DRAFTS,
  type Draft,
  FIRST_SECOND,
  formsOf,
  LAST_SECOND,
  LONGEST,
  type PlainForms,
  timeIn,
} from './plain-forms.ts'
import { refuse } from './wire.ts'

/** What is used of Temporal, the runtime's own or a polyfill's. */
interface Temporal {
  readonly Instant: new (epochNanoseconds: bigint) => object
  readonly Duration: new (...fields: number[]) => object
}

function temporal(): Temporal {
  const { Temporal: own } = globalThis as { Temporal?: Temporal }
  if (own !== undefined) return own
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    "wellKnown is 'temporal', and this runtime has no Temporal: Node has it from 26 on; set globalThis.Temporal to a polyfill's before.",
    { option: 'wellKnown' },
  )
}

const NANOS = 1_000_000_000n

const Timestamp: Draft = {
  fields: ['int64', 'int32'],
  atomic: true,
  allowed: 'a Temporal.Instant of the years 1 to 9999',
  make: (seconds, nanos) => ({
    read(message) {
      const [whole, part] = timeIn(Number(message[seconds as string]), message[nanos as string] as number)
      return new (temporal().Instant)(BigInt(whole) * NANOS + BigInt(part))
    },
    write(value) {
      const { epochNanoseconds: all } = Object(value) as { epochNanoseconds?: unknown }
      // A ZonedDateTime has them, too, and a zone that would be lost.
      if (typeof all !== 'bigint' || 'timeZoneId' in (value as object)) return undefined
      const part = ((all % NANOS) + NANOS) % NANOS
      const whole = Number((all - part) / NANOS)
      if (!(whole >= FIRST_SECOND && whole <= LAST_SECOND)) return undefined
      return { [seconds as string]: whole, [nanos as string]: Number(part) }
    },
  }),
}

/** The fields of a Temporal.Duration that are of one length each, in nanoseconds. */
const FIELDS: Readonly<Record<string, bigint>> = {
  days: 86_400n * NANOS,
  hours: 3_600n * NANOS,
  minutes: 60n * NANOS,
  seconds: NANOS,
  milliseconds: 1_000_000n,
  microseconds: 1_000n,
  nanoseconds: 1n,
}

const Duration: Draft = {
  fields: ['int64', 'int32'],
  atomic: true,
  allowed: 'a Temporal.Duration of at most 10,000 years, without years, months and weeks',
  make: (seconds, nanos) => ({
    read(message) {
      const [whole, part] = [Number(message[seconds as string]), message[nanos as string] as number]
      if (!(Math.abs(whole) <= LONGEST) || Math.abs(part) >= Number(NANOS) || whole * part < 0)
        refuse(`a duration of ${whole} s and ${part} ns, which is none`)
      return new (temporal().Duration)(0, 0, 0, 0, 0, 0, whole, 0, 0, part)
    },
    write(value) {
      const given = Object(value) as Readonly<Record<string, unknown>>
      if (given.years !== 0 || given.months !== 0 || given.weeks !== 0) return undefined
      let all = 0n
      for (const [field, length] of Object.entries(FIELDS)) {
        const count = given[field]
        if (typeof count !== 'number' || !Number.isInteger(count)) return undefined
        all += BigInt(count) * length
      }
      const whole = Number(all / NANOS)
      if (Math.abs(whole) > LONGEST || (Math.abs(whole) === LONGEST && all % NANOS !== 0n)) return undefined
      return { [seconds as string]: whole, [nanos as string]: Number(all % NANOS) }
    },
  }),
}

/** As `plainForms`, with times and durations of Temporal. */
export const temporalForms: PlainForms = /* @__PURE__ */ formsOf(
  'temporal',
  { ...DRAFTS, Timestamp, Duration },
  temporal,
)
