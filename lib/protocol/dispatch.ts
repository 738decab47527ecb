/** The names that messages have. */
type NameOf<M> = M extends { readonly $name: infer N extends string } ? N : never

/** A function for each message, by its `$name`, of that message alone; those that are left out have none. */
export type MessageHandlers<M> = {
  readonly [N in NameOf<M>]?: ((message: Extract<M, { readonly $name: N }>) => unknown) | undefined
}

/**
 * Calls the function that a table has for a message: what a `switch` does in a program of one protocol, for tables that come from
 * elsewhere, and for code that is generic over protocols, where TypeScript cannot see that a name and a message belong together.
 *
 *     for await (const message of reader) await dispatch(message, { Say: ({ text }) => console.log(text) })
 *
 * @returns what the function returns; undefined where the table has none.
 */
export function dispatch<M extends object>(message: M, handlers: MessageHandlers<M>): unknown {
  const { $name } = message as { $name?: unknown }
  if (typeof $name !== 'string' || !Object.hasOwn(handlers, $name)) return undefined
  return (handlers as Readonly<Record<string, ((message: M) => unknown) | undefined>>)[$name]?.(message)
}
