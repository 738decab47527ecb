/**
 * Calls each, whatever those before do.
 *
 * @param threw is called with what one throws. Without it that is an unhandled rejection, each by itself.
 */
export function callEach(acts: Iterable<() => void>, threw?: (error: unknown) => void): void {
  for (const act of [...acts]) {
    try {
      act()
    } catch (error) {
      if (threw === undefined) void Promise.reject(error)
      else threw(error)
    }
  }
}
