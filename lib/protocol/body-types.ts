// What `encode`, `decode` and the like take and give by a message's name. Types only.

import type { Directions, Framed } from './message-types.ts'

/** What carries the types of a schema. */
export interface Typed {
  readonly directions: Directions
}

/** The messages of a protocol's schema, by name: none are known where it was loaded at run time. */
type MessagesOf<P> = P extends { readonly directions: { readonly messages: infer M } } ? M : Record<never, never>

/** The names that are known: others may be there still, such as those in full. */
export type NameIn<P> = keyof MessagesOf<P> & string

/** A message as it is read, by its name. */
export type ReadMessage<P, N> = N extends keyof MessagesOf<P>
  ? MessagesOf<P>[N] extends { readonly read: infer T }
    ? T
    : never
  : // biome-ignore lint/suspicious/noExplicitAny: which message it is stands in a text.
    any

/** What may be written as the message of a name, which need not be in it. */
export type WrittenMessage<P, N> = N extends keyof MessagesOf<P>
  ? MessagesOf<P>[N] extends { readonly write: infer T }
    ? Body<T>
    : never
  : object

type Body<T> = T extends unknown ? Omit<T, keyof Framed<string>> & Partial<Framed<string>> : never

/** The names of a message's fields. */
export type FieldIn<P, N> = N extends keyof MessagesOf<P>
  ? Exclude<keyof ReadMessage<P, N> & string, keyof Framed<string>>
  : string

/** A message as it is read, of which only some fields are. */
export type Peeked<P, N, F extends string> = N extends keyof MessagesOf<P>
  ? Pick<ReadMessage<P, N>, Extract<F | '$name', keyof ReadMessage<P, N>>>
  : // biome-ignore lint/suspicious/noExplicitAny: which message it is stands in a text.
    any
