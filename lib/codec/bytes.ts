// Byte arrays that come from outside: plain ones, Buffers, and those of other realms (Jest's, a vm's) and of subclasses, in
// which a property may be anything. What is asked here is what the array is, not what it says.

import { QbpError } from '../base/errors.ts'
import { isGone, touch } from '../base/gone.ts'
import { shown } from '../base/shown.ts'
import { alloc, node } from './wire.ts'

const typedArray = Object.getPrototypeOf(Uint8Array.prototype)
const getter = <T>(name: string | symbol): ((array: unknown) => T) =>
  Function.prototype.call.bind(Object.getOwnPropertyDescriptor(typedArray, name)?.get as () => T)

const tagOf = getter<string | undefined>(Symbol.toStringTag)
const bufferOf = getter<ArrayBuffer>('buffer')
const offsetOf = getter<number>('byteOffset')

const lengthOf = getter<number>('byteLength')

/** How many bytes an array has. @throws {TypeError} if it is none, or has lost them. */
export const byteLength = (array: unknown): number => lengthOf(array) || touch(array) || 0

/** Whether a value is an array of bytes: a Uint8Array or Buffer, of whichever realm. One that has lost its bytes is none: it would go as empty. */
export const isBytes = (value: unknown): value is Uint8Array =>
  tagOf(value) === 'Uint8Array' && (lengthOf(value) > 0 || !isGone(value))

const Own: { readonly prototype: Uint8Array } = node ? Buffer : Uint8Array

/** Most are of this realm and not shared, which their prototype says in less time than their tag: it is asked twice for each frame that is forwarded. */
const isSharedMemory = (buffer: ArrayBuffer): boolean =>
  Object.getPrototypeOf(buffer) !== ArrayBuffer.prototype &&
  Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]'

/**
 * The same bytes as this process's own kind of array, in Node a Buffer, whose methods the codecs call. Shared memory is
 * copied: another thread may write to it while it is read.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  const buffer = bufferOf(bytes)
  const isShared = isSharedMemory(buffer)
  if (!isShared && Object.getPrototypeOf(bytes) === Own.prototype) return bytes
  const [offset, length] = [offsetOf(bytes), byteLength(bytes)]
  const own = node ? Buffer.from(buffer, offset, length) : new Uint8Array(buffer, offset, length)
  if (!isShared) return own
  const copy = alloc(length)
  copy.set(own)
  return copy
}

/**
 * What the caller gave for bytes, as an array of this process's own kind.
 *
 * @param what it was to be, for the error: `A body`, `A chunk`.
 * @throws {QbpError} ERR_QBP_NOT_BYTES for anything but a Uint8Array: text and ArrayBuffers too, which would be read as nothing.
 */
export function bytesOf(what: string, value: unknown): Uint8Array {
  if (isBytes(value)) return ownBytes(value)
  throw new QbpError(
    'ERR_QBP_NOT_BYTES',
    `${what} is ${shown(value)}; give a Uint8Array or Buffer: Buffer.from(text), new Uint8Array(buffer), a stream without setEncoding().`,
  )
}
