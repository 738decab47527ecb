// Byte arrays that come from outside: plain ones, Buffers, and those of other realms (Jest's, a vm's) and of subclasses, in
// which a property may be anything. What is asked here is what the array is, not what it says.

const typedArray = Object.getPrototypeOf(Uint8Array.prototype)
const getter = <T>(name: string | symbol): ((array: unknown) => T) =>
  Function.prototype.call.bind(Object.getOwnPropertyDescriptor(typedArray, name)?.get as () => T)

const tagOf = getter<string | undefined>(Symbol.toStringTag)
const bufferOf = getter<ArrayBuffer>('buffer')
const offsetOf = getter<number>('byteOffset')

/** How many bytes an array has. @throws {TypeError} if it is none. */
export const byteLength = getter<number>('byteLength')

/** Whether a value is an array of bytes: a Uint8Array or Buffer, of whichever realm. */
export const isBytes = (value: unknown): value is Uint8Array => tagOf(value) === 'Uint8Array'

const node = typeof Buffer === 'function' && 'utf8Slice' in Buffer.prototype
const Own: { readonly prototype: Uint8Array } = node ? Buffer : Uint8Array

/** The same bytes as this process's own kind of array: in Node a Buffer, whose methods the codecs call. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(bytes) === Own.prototype) return bytes
  const [buffer, offset, length] = [bufferOf(bytes), offsetOf(bytes), byteLength(bytes)]
  return node ? Buffer.from(buffer, offset, length) : new Uint8Array(buffer, offset, length)
}
