import { textLength } from '../codec/text.ts'
import { CallError, type Metadata } from './call-error.ts'

/** Checks what is to travel. @throws {CallError} INVALID_ARGUMENT for what is no text, RESOURCE_EXHAUSTED for what is too much. */
export function checkMetadata(metadata: Metadata, maxBytes: number): void {
  let bytes = 0
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' || !value.isWellFormed() || !key.isWellFormed())
      throw new CallError(
        'INVALID_ARGUMENT',
        `metadata.${key} is ${typeof value === 'string' ? 'no well-formed text' : `a ${typeof value}`}; it may be text.`,
        { sent: false },
      )
    bytes += textLength(key) + textLength(value)
  }
  if (bytes > maxBytes)
    throw new CallError(
      'RESOURCE_EXHAUSTED',
      `The metadata takes ${bytes} bytes; maxMetadataBytes allows ${maxBytes}.`,
      { sent: false },
    )
}

/** What travels with the end of an answer, that of its error over that of its handler; null for none. @throws {CallError} */
export function sentMetadata(answer: Metadata | null, maxBytes: number, error: Metadata = NONE): Metadata | null {
  if ((answer === null || isEmpty(answer)) && isEmpty(error)) return null
  const metadata = { ...answer }
  // A key of an object's own, whatever its name.
  for (const [key, value] of Object.entries(error))
    Object.defineProperty(metadata, key, { value, enumerable: true, configurable: true, writable: true })
  checkMetadata(metadata, maxBytes)
  return metadata
}

const NONE: Metadata = Object.freeze({})

function isEmpty(metadata: Metadata): boolean {
  for (const _ in metadata) return false
  return true
}
