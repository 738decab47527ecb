// How lists are made, value by value, so that none takes more memory than it must: a hostile body has many that hold one.

import { shared } from './shared-lists.ts'

/** A list of one value. */
export function single(value: unknown): unknown[] {
  const list = shared(value)
  return list !== undefined && Object.is(list[0], value) ? list.slice() : [value]
}

/** A list with one more value. V8 would make room for 17 at the second: of a few values it is made anew. */
export function append(list: readonly unknown[], value: unknown): readonly unknown[] {
  switch (list.length) {
    case 0: // What a message without any has is shared, and frozen.
      return single(value)
    case 1:
      return [list[0], value]
    case 2:
      return [list[0], list[1], value]
    case 3:
      return [list[0], list[1], list[2], value]
  }
  ;(list as unknown[]).push(value)
  return list
}

/** A list that will not grow any more. Of pushing V8 leaves up to 23 places empty, which is much for a list of a few. */
export function trim(list: readonly unknown[]): readonly unknown[] {
  return list.length > 4 && list.length < 64 ? list.slice() : list
}
