/** What a promise is rejected with. @throws if it is not. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('the promise was resolved', { cause: value })
}
