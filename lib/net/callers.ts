/**
 * The names of the functions that led here, those that await the others among them: V8 follows a promise to what awaits it. An
 * AsyncLocalStorage would say more, and slow every promise of the process on Node 20. Empty where an engine gives no stack.
 */
export function callers(): readonly (string | null)[] {
  const { stackTraceLimit, prepareStackTrace } = Error
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY
    Error.prepareStackTrace = (_, sites) => sites.map((site) => site.getFunctionName())
    const names: unknown = new Error().stack
    return Array.isArray(names) ? names : []
  } catch {
    return [] // Error is frozen.
  } finally {
    try {
      Object.assign(Error, { stackTraceLimit, prepareStackTrace })
    } catch {}
  }
}
