import type { Gap } from '../contract.ts'
import { ANY_EPOCH } from '../position.ts'
import type { History } from './history.ts'
import type { Patience } from './link.ts'
import type { Counted, LogStream, Page, StreamLimits } from './log-stream.ts'
import { emptyPlace, isIn, mayBeOf, type Place, placeAfter, type Stored } from './stored.ts'

/** Of a log's greatest age, what is trusted of the clocks of two nodes. */
const TRUSTED = 0.9

/** Where a reader goes on, and with what. */
export interface Resumption {
  readonly place: Place
  /** What follows the place. */
  readonly messages: readonly Stored[]
  /** Of the message that the place is in, the frames after it. */
  readonly rest: Stored | undefined
  /** Why something before it is lost. */
  readonly reason?: Gap['reason']
}

/**
 * Reads on from a place, and makes sure that it is one: the message that it names must stand there still. If it does not, the log
 * was cut at its front, or is another one: an older copy, or made anew.
 *
 * @param epoch of the stream, as it was looked at last.
 */
export async function resumeAt(
  stream: LogStream,
  history: History,
  token: string,
  place: Place,
  epoch: string,
  patience: Patience,
): Promise<Resumption> {
  const page = await history.from(token, place.seq, patience)
  const { anchor, messages } = page
  if (anchor !== undefined && isIn(place, place.epoch, anchor.id)) {
    const found = place.epoch === ANY_EPOCH ? { ...place, epoch, id: anchor.id } : place
    return { place: found, messages, rest: anchor }
  }
  return judge(stream, token, place, page)
}

/** The place of a newcomer that wants all that is kept. */
export async function start(
  stream: LogStream,
  history: History,
  token: string,
  patience: Patience,
): Promise<Resumption> {
  const { messages } = await history.from(token, 0, patience)
  return fromStart(messages, await stream.count(token))
}

/**
 * The place before the last `most` frames. NATS counts what stands from a number on, but does not find the number to a count: so it is
 * looked for by halves.
 */
export async function startOfLast(
  stream: LogStream,
  history: History,
  token: string,
  most: number,
  patience: Patience,
): Promise<Resumption> {
  const { first, last, count } = await stream.count(token)
  if (count <= most) {
    const whole = await start(stream, history, token, patience)
    return cut(whole, await readOn(history, token, whole.messages, patience), most)
  }
  let [low, high] = [first, last]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    const found = await stream.countFrom(token, middle)
    if (found >= most) low = middle
    else high = middle - 1
    if (found >= most && found <= 2 * most) break
  }
  const { anchor, messages } = await history.from(token, low, patience)
  const all = await readOn(history, token, anchor ? [anchor, ...messages] : messages, patience)
  const { epoch } = await stream.count(token)
  return cut({ place: emptyPlace(epoch, low - 1), messages: all, rest: undefined }, all, most)
}

/** What follows some messages, to the end. */
async function readOn(
  history: History,
  token: string,
  messages: readonly Stored[],
  patience: Patience,
): Promise<Stored[]> {
  const all = [...messages]
  for (let last = all.at(-1); last !== undefined; ) {
    const { messages: more } = await history.from(token, last.seq, patience)
    all.push(...more)
    last = more.at(-1)
  }
  return all
}

/** Of messages after a place, the last so many frames. */
function cut({ place }: Resumption, messages: readonly Stored[], most: number): Resumption {
  let left = most
  let at = messages.length
  while (at > 0 && left > 0) left -= (messages[--at] as Stored).frames.length
  const begin = messages[at]
  if (begin === undefined) return { place, messages, rest: undefined }
  const { epoch } = place
  if (left < 0) {
    // In the middle of a message.
    const middle = { ...placeAfter(epoch, begin), index: -left - 1 }
    return { place: middle, messages: messages.slice(at + 1), rest: begin }
  }
  const before = messages[at - 1]
  const from = before === undefined ? place : placeAfter(epoch, before)
  return { place: from, messages: messages.slice(at), rest: undefined }
}

/** The message that is kept beyond what was promised is the place itself. */
function fromStart(messages: readonly Stored[], { epoch, last, count, limits }: Counted): Resumption {
  const [first] = messages
  if (first === undefined) return { place: emptyPlace(epoch, last), messages, rest: undefined }
  if (count === limits.perChannel)
    return { place: placeAfter(epoch, first), messages: messages.slice(1), rest: undefined }
  return { place: emptyPlace(epoch, first.seq - 1), messages, rest: undefined }
}

/** The message that the place names is not there, or the place names none: is something after it lost? */
async function judge(stream: LogStream, token: string, place: Place, page: Page): Promise<Resumption> {
  const counted = await stream.count(token)
  const { epoch, first, last, count, limits } = counted
  const again = async () => fromStart((await stream.page(token, 0, 5_000)).messages, counted)
  if (!mayBeOf(place, epoch)) return { ...(await again()), reason: 'lost' }
  const end = emptyPlace(epoch, last)
  const atEnd: Resumption = { place: end, messages: [], rest: undefined, reason: 'lost' }
  // An older copy, or the place is forged: what is there was read already.
  if (place.upTo > last || (place.seq === last && page.anchor && place.index >= page.anchor.frames.length)) return atEnd
  if (place.id !== '') {
    if (page.anchor !== undefined) return atEnd
    const id = await stream.idAt(place.seq, token)
    // An older copy that has grown over the place since the page was read, or a stream that was not whole yet.
    if (typeof id === 'string' && isIn(place, place.epoch, id)) throw new Error('the stream has changed meanwhile')
    if (id !== undefined) return atEnd
  }
  const here = place.epoch === ANY_EPOCH ? emptyPlace(epoch, place.seq) : place
  const goOn: Resumption = { place: here, messages: page.messages, rest: page.anchor }
  const isFull = count === limits.perChannel
  if (page.anchor !== undefined) return goOn
  // Messages are cut for their age, or for the stream's bytes, from the front of the stream on: nothing after the place was, if the stream
  // begins before it. A message that is gone from the middle was purged.
  const isPurged = place.id !== '' && first <= place.seq
  const isWhole = !isPurged && (first <= place.upTo + 1 || isYoung(place, limits))
  if (isWhole && !isFull) return goOn
  const begin = await again()
  if (isFull && begin.place.seq <= place.upTo) return goOn
  if (isPurged && begin.place.seq < place.seq) return goOn // Not from the front on: it was deleted by itself.
  return { ...begin, reason: 'trimmed' }
}

/** Too young for anything after it to have been cut for its age. */
function isYoung({ time }: Place, { ageMs, messages, bytes }: StreamLimits): boolean {
  if (time === undefined || messages !== Infinity || bytes !== Infinity) return false
  return Date.now() - time < ageMs * TRUSTED
}
