import { Transform, type TransformOptions } from 'node:stream'

/**
 * A Transform that becomes a stream to Node when somebody first treats it as one. A stream with a second way of its own
 * (reading calls, a connection that feeds it) may never need Node's: an idle connection is the smaller for it, and a chunk
 * passes two layers less. Node's own crypto streams are made so (lib/internal/streams/lazy_transform.js).
 */
export interface LazyTransform extends Transform {
  /**
   * Whether it is a stream to Node yet.
   *
   * @internal
   */
  readonly isMade: boolean
  /**
   * The options that Transform gets then.
   *
   * @internal
   */
  streamOptions(): TransformOptions
}

// No class: that would have to call Transform's constructor at once.
function Lazy(): void {}
Object.setPrototypeOf(Lazy, Transform)
Object.setPrototypeOf(Lazy.prototype, Transform.prototype)
Object.defineProperty(Lazy.prototype, 'isMade', { value: false, writable: true })

// Whatever Node does with a stream, it looks at one of these first.
for (const name of ['_readableState', '_writableState']) {
  Object.defineProperty(Lazy.prototype, name, {
    configurable: true,
    get(this: LazyTransform & Record<string, unknown>): unknown {
      Object.defineProperty(this, 'isMade', { value: true })
      ;(Transform as unknown as { call(stream: object, options: object): void }).call(this, this.streamOptions())
      return this[name]
    },
    set(this: object, value: unknown): void {
      Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true })
    },
  })
}

// What is 0 of a stream that is none yet: whoever looks at it makes none.
for (const name of ['readableLength', 'writableCorked']) {
  const get = getterOf(name)
  Object.defineProperty(Lazy.prototype, name, {
    configurable: true,
    get(this: LazyTransform): unknown {
      return this.isMade ? get.call(this) : 0
    },
  })
}

function getterOf(name: string): () => unknown {
  let prototype: object = Transform.prototype
  while (!Object.hasOwn(prototype, name)) prototype = Object.getPrototypeOf(prototype)
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown
}

// And this is the one method that looks at the listeners' own table, which there is none of before somebody listens.
Object.defineProperty(Lazy.prototype, 'eventNames', {
  configurable: true,
  writable: true,
  value(this: LazyTransform & { _readableState: unknown }): (string | symbol)[] {
    return this._readableState === undefined ? [] : Transform.prototype.eventNames.call(this)
  },
})

export const LazyTransform = Lazy as unknown as abstract new () => LazyTransform
