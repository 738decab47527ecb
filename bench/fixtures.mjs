// The messages that every peer sends, the same in every run and every process.

/** The path of a file of bench/. */
export const fileOf = (name) => new URL(name, import.meta.url).pathname

/** Type numbers, as the schema's (qbp.type) has them. */
export const TYPES = { Say: 1, Move: 2, Reading: 3, Order: 4, Blob: 5 }

/** Mulberry32: the same numbers everywhere. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const WORDS = 'a stream of bytes goes in and typed messages come out on the other side of the wire'.split(' ')
const KINDS = ['Say', 'Move', 'Reading', 'Order']

function smallMessages(count) {
  const next = random(1)
  const integer = (below) => Math.floor(next() * below)
  const words = (n) => Array.from({ length: n }, () => WORDS[integer(WORDS.length)]).join(' ')
  const make = {
    Say: (id) => ({ id, room: `room ${integer(50)}`, text: words(5) }),
    Move: (id) => ({ id, x: next() * 1000, y: next() * 1000, turn: integer(720) - 360, running: next() < 0.5 }),
    Reading: (id) => ({
      id,
      sensor: `s${integer(1000)}`,
      at: 1_800_000_000_000 + integer(1e9),
      value: Math.fround(next()),
      samples: Array.from({ length: 4 }, () => integer(200) - 100),
    }),
    Order: (id) => ({
      id,
      symbol: ['ACME', 'QBP', 'NODE'][integer(3)],
      side: integer(2),
      quantity: 1 + integer(1000),
      price: integer(100_000) / 100,
      party: { name: WORDS[integer(WORDS.length)], account: integer(1e6) },
    }),
  }
  return Array.from({ length: count }, (_, id) => {
    const name = KINDS[integer(KINDS.length)]
    return { name, fields: make[name](id + 1) }
  })
}

function blobs(count, size) {
  const next = random(size)
  return Array.from({ length: count }, (_, i) => ({
    name: 'Blob',
    fields: { id: i + 1, data: Buffer.from(Array.from({ length: size }, () => next() * 256)) },
  }))
}

const makers = {
  small: () => smallMessages(1000),
  '1 KiB': () => blobs(64, 1024),
  '64 KiB': () => blobs(8, 65_536),
  // The field's tag and length have to fit into the default limit of 1 MiB too.
  '1 MiB': () => blobs(2, 2 ** 20 - 16),
}

/** The names of the fixtures. */
export const FIXTURES = Object.keys(makers)

/** A list of `{ name, fields }`; peers send it over and over. */
export function fixture(name) {
  return makers[name]()
}

const VALUES = {
  Say: ['id', 'room', 'text'],
  Move: ['id', 'x', 'y', 'turn', 'running'],
  Reading: ['id', 'sensor', 'at', 'value', 'samples'],
  Order: ['id', 'symbol', 'side', 'quantity', 'price', 'party'],
  Blob: ['id', 'data'],
}

/** A message's values as text, however its library shows 64-bit integers, enums and bytes. */
export function canonical(name, message) {
  const text = (value, field) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
    if (Array.isArray(value)) return value.map(String).join()
    if (field === 'party') return `${value.name}/${value.account}`
    if (field === 'side') return String(value === 'SELL' || value === 1)
    return String(value)
  }
  return `${name} ${VALUES[name].map((field) => text(message[field], field)).join('|')}`
}

/**
 * What a receiver has seen: the count and a checksum of the ids in their order, which costs every peer the same few
 * nanoseconds; and for the first messages, where told to, every value.
 */
export class Tally {
  count = 0
  checksum = 0
  values = []
  #checked = 0
  #expected = Number.POSITIVE_INFINITY
  #done = null
  #arrived = Promise.resolve()

  /** Begins anew: so many messages are to come, `checked` of them kept with their values. */
  expect(count, checked = 0) {
    this.count = this.checksum = 0
    this.values = []
    this.#expected = count
    this.#checked = checked
    this.#arrived = new Promise((resolve) => {
      this.#done = resolve
    })
  }

  /** Resolves with the tally when all that are expected have come. */
  arrived() {
    return this.#arrived
  }

  add(name, message) {
    this.checksum = (Math.imul(this.checksum, 31) + message.id) | 0
    if (this.count < this.#checked) this.values.push(canonical(name, message))
    if (++this.count !== this.#expected) return
    const { count, checksum, values } = this
    this.#done({ count, checksum, values, at: now() })
  }
}

/** What a tally has to be after `count` messages. */
export function expected(messages, count, checked = 0) {
  let checksum = 0
  for (let i = 0; i < count; i++) checksum = (Math.imul(checksum, 31) + messages[i % messages.length].fields.id) | 0
  const values = messages.slice(0, checked).map(({ name, fields }) => canonical(name, fields))
  return { count, checksum, values }
}

/** @throws if a peer lost, repeated or changed messages. */
export function assertTally(who, tally, { count, checksum, values }) {
  if (tally.count !== count) throw new Error(`${who}: ${tally.count} of ${count} messages arrived`)
  if (tally.checksum !== checksum)
    throw new Error(`${who}: the messages that arrived are not those sent, in their order`)
  const wrong = values.findIndex((value, i) => value !== tally.values[i])
  if (wrong >= 0) throw new Error(`${who}: message ${wrong} arrived as ${String(tally.values[wrong]).slice(0, 200)}`)
}

/** Milliseconds of the machine's own clock, the same in every process. */
export const now = () => Number(process.hrtime.bigint()) / 1e6
