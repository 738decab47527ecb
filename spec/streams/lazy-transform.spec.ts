import { EventEmitter } from 'node:events'
import { Transform } from 'node:stream'
import { expect } from 'chai'
import { QbpReadable, QbpWritable } from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'

const make: Record<string, () => Transform> = {
  QbpReadable: () => new QbpReadable(protocol),
  QbpWritable: () => new QbpWritable(protocol),
}

/** The names of what Node's streams have: methods, and accessors, the internal ones of one underscore left out. */
function members(): Map<string | symbol, PropertyDescriptor> {
  const all = new Map<string | symbol, PropertyDescriptor>()
  for (
    let prototype = Transform.prototype;
    prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const name of Reflect.ownKeys(prototype)) {
      if (all.has(name) || String(name).startsWith('_')) continue
      if (name === 'constructor' || name === 'compose') continue // Node's compose() throws when its stream is destroyed.
      all.set(name, Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor)
    }
  }
  return all
}

const other = () => new Transform().on('error', () => {})

/** Calls a member, with arguments that most take; what it threw, by its class and code. */
function outcome(stream: Transform, name: string | symbol, { value }: PropertyDescriptor): string {
  const listener = () => {}
  const args: Record<string, unknown[]> = {
    on: ['x', listener],
    addListener: ['x', listener],
    once: ['x', listener],
    prependListener: ['x', listener],
    prependOnceListener: ['x', listener],
    off: ['x', listener],
    removeListener: ['x', listener],
    emit: ['x'],
    listeners: ['x'],
    rawListeners: ['x'],
    listenerCount: ['x'],
    setMaxListeners: [3],
    removeAllListeners: [],
    pipe: [other()],
    unpipe: [other()],
    wrap: [new EventEmitter()],
    setEncoding: ['utf8'],
    setDefaultEncoding: ['utf8'],
  }
  try {
    const found = typeof value === 'function' ? value.name && (stream as never)[name] : (stream as never)[name]
    const result =
      typeof value === 'function'
        ? (found as (...args: unknown[]) => unknown).apply(stream, args[String(name)] ?? [])
        : found
    if (result instanceof Promise) result.catch(() => {})
    if (result instanceof EventEmitter) result.on('error', () => {})
    return `${typeof value === 'function' ? 'call' : typeof result}`
  } catch (error) {
    return `${(error as Error).name} ${(error as { code?: string }).code ?? (error as Error).message}`
  }
}

describe('a stream that Node has not touched yet', () => {
  for (const [kind, create] of Object.entries(make)) {
    it(`answers every method and accessor of Node's as one that was: ${kind}`, () => {
      let count = 0
      for (const [name, descriptor] of members()) {
        const fresh = create()
        const used = create()
        void used.readableLength
        const [first, second] = [fresh, used].map((stream) => outcome(stream, name, descriptor))
        expect(first, String(name)).to.equal(second)
        count++
        for (const stream of [fresh, used]) stream.on('error', () => {}).destroy()
      }
      expect(count).to.be.above(50)
    })

    it(`has listeners of before and after: ${kind}`, () => {
      const stream = create()
      expect(stream.eventNames()).to.deep.equal(new Transform().eventNames())
      const listener = () => {}
      stream.once('close', listener)
      stream.on('x', listener)
      expect(stream.eventNames()).to.include.members(['close', 'x'])
      void stream.readableLength
      expect(stream.listeners('close')).to.include(listener)
      expect(stream.listenerCount('x')).to.equal(1)
      stream.destroy()
    })
  }
})
