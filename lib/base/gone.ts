const { at } = Uint8Array.prototype

/**
 * Does nothing with a typed array, but that it throws where the array has lost its bytes, and says that it is empty: its buffer was
 * transferred, as by postMessage or structuredClone, or is a resizable one that has become too short for it. Every runtime's own methods
 * refuse such an array, where its properties say nothing.
 *
 * @returns undefined for an array that is empty.
 */
export const touch: (array: unknown) => number | undefined = (array) => at.call(array as Uint8Array, 0)

/** Whether a typed array has lost its bytes. */
export function isGone(array: unknown): boolean {
  try {
    touch(array)
    return false
  } catch {
    return true
  }
}
