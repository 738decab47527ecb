// From a schema's types and a protocol's options to the unions that readers hand out and writers take. Types only.

import type { Role } from '../base/role.ts'
import type { HeaderFields } from '../framing/head.ts'
import type { RawMessage } from '../framing/table.ts'
import type { MessageMap } from './description.ts'
import type { PreambleOf, WithHeaders } from './header-types.ts'

/** What each role sends, by name, as it is read and as it may be written; and what readers may see beside it. */
export interface Directions {
  client: object
  server: object
  /** RawMessage<null> where a policy is 'raw', else never. */
  raw: object
  /** What each role sends before its first frame; where it is not there, anything. */
  preambles?: { client: Preamble; server: Preamble }
  /** All of the schema; where it was loaded at run time, none are known. */
  messages?: MessageMap
}

interface Preamble {
  read: HeaderFields
  write: HeaderFields
}

/** The directions of a protocol whose schema was read at run time. */
export interface Untyped {
  client: MessageMap
  server: MessageMap
  raw: RawMessage<null>
}

/** What a message that crosses a stream by itself has beside its fields. */
export interface Framed<N extends string | null> {
  readonly $name: N
  /** The header's fields of the layout's own. */
  readonly $header?: HeaderFields
}

/** The fields of a oneof, as they may be written: one of them, or none. */
export type OneOf<F extends object> =
  | {
      [K in keyof F]: { readonly [P in K]: F[P] } & { readonly [P in Exclude<keyof F, K>]?: null | undefined }
    }[keyof F]
  | { readonly [K in keyof F]?: null | undefined }

// biome-ignore lint/suspicious/noExplicitAny: a schema read at run time has no types.
type Anything = Record<string, any>

/** A message whose schema was read at run time. */
export type AnyMessage = Anything & { readonly $name: string | null }

/** Names that an option gives numbers to: those whose generated types list the option, or all where they list none. */
type Optioned<M extends MessageMap, F extends string> = F extends `(${string})`
  ? { [K in keyof M & string]: M[K] extends { options: infer O } ? (F extends O ? K : never) : K }[keyof M & string]
  : keyof M & string

type Raw = { body: 'raw' }
type Renamed<T, N extends string> = T extends unknown ? Omit<T, '$name'> & Framed<N> : never
type Body<M extends MessageMap, N extends string, F> = F extends Raw
  ? { read: RawMessage<N>; write: Framed<N> & { readonly body: Uint8Array } }
  : F extends { body: 'empty' }
    ? { read: Framed<N>; write: Framed<N> }
    : F extends { message: infer T extends keyof M }
      ? { read: Renamed<M[T]['read'], N>; write: Renamed<M[T]['write'], N> }
      : N extends keyof M
        ? M[N]
        : never

/** The messages that one form of table lists. */
type Listed<M extends MessageMap, F, R extends Role> = F extends string
  ? Pick<M, Optioned<M, F extends '(qbp.type)' ? F | `(qbp.${R})` : F>>
  : F extends readonly [infer First, ...infer Rest]
    ? Rest extends readonly []
      ? Listed<M, First, R>
      : Omit<Listed<M, First, R>, keyof Listed<M, Rest, R>> & Listed<M, Rest, R>
    : { [N in keyof F & string]: Body<M, N, F[N]> }

/** The message of a direction without type numbers. */
type Only<M extends MessageMap, F> = F extends keyof M & string
  ? Pick<M, F>
  : F extends Raw
    ? { Raw: Body<M, 'Raw', F> }
    : Record<never, never>

type ForRole<F, R extends Role> = F extends { readonly [K in Role]?: object | string }
  ? F extends { readonly [K in R]: infer X }
    ? X
    : Record<never, never>
  : F

type SentBy<M extends MessageMap, O, R extends Role> = O extends { message: infer F }
  ? Only<M, ForRole<F, R>>
  : O extends { types: infer F }
    ? Listed<M, ForRole<F, R>, R>
    : Listed<M, '(qbp.type)', R>

/** The text of the layout of what a role sends. */
type LayoutBy<O, R extends Role> = O extends { header: infer H }
  ? H extends string
    ? H
    : H extends { readonly [K in R]: infer L }
      ? L
      : string
  : string

/** The directions of a Protocol made of a schema `M` with options `O`. */
export interface Sent<M extends MessageMap, O> {
  client: WithHeaders<SentBy<M, O, 'client'>, LayoutBy<O, 'client'>, M>
  server: WithHeaders<SentBy<M, O, 'server'>, LayoutBy<O, 'server'>, M>
  raw: O extends { unknown: 'raw' } | { invalid: 'raw' } ? RawMessage<null> : never
  preambles: { client: PreambleOf<LayoutBy<O, 'client'>, M>; server: PreambleOf<LayoutBy<O, 'server'>, M> }
  messages: M
}

/** Options, and a module's own where these say nothing else; of `types` and `message` a header takes one. */
export type Merged<D, O> = O &
  Omit<
    D,
    keyof O | (O extends { types: unknown } ? 'message' : never) | (O extends { message: unknown } ? 'types' : never)
  >

type ReadOf<S> = { [N in keyof S]: S[N] extends { read: infer T } ? T : never }[keyof S]
type WrittenOf<S> = { [N in keyof S]: S[N] extends { write: infer T } ? T : never }[keyof S]

/** Whether a protocol's messages are typed: those of one that was loaded at run time have any name. */
type Typed<D extends Directions> = string extends keyof D['client'] ? false : true

/** What a reader of the role `R` hands out: what the other role sends. */
export type Incoming<P, R extends Role = Role> = P extends { readonly directions: infer D extends Directions }
  ? Typed<D> extends true
    ? (R extends 'client' ? ReadOf<D['server']> : ReadOf<D['client']>) | D['raw']
    : AnyMessage
  : never

/** What a writer of the role `R` takes: what this role sends, and unlisted types as raw bodies. */
export type Outgoing<P, R extends Role = Role> = P extends { readonly directions: infer D extends Directions }
  ? Typed<D> extends true
    ? (R extends 'client' ? Written<D['client']> : Written<D['server']>) | UnlistedMessage
    : object
  : never

/** What a reader of the role `R` finds before the first frame. */
export type IncomingPreamble<P, R extends Role = Role> = P extends { readonly directions: infer D extends Directions }
  ? PreambleBy<D, R extends 'client' ? 'server' : 'client'>['read']
  : never

/** What a writer of the role `R` may give for it. */
export type OutgoingPreamble<P, R extends Role = Role> = P extends { readonly directions: infer D extends Directions }
  ? PreambleBy<D, R>['write']
  : never

/** Of a protocol that was loaded at run time it is anything. */
type PreambleBy<D extends Directions, R extends Role> = D extends { preambles: { [K in R]: infer X extends Preamble } }
  ? X
  : Preamble

/** Where a direction has one message its name may be left out. */
type Written<S> = WrittenOf<S> | (IsUnion<keyof S> extends false ? Nameless<WrittenOf<S>> : never)
type Nameless<T> = T extends unknown ? Omit<T, '$name'> & { readonly $name?: never } : never
type IsUnion<K, All = K> = K extends unknown ? ([All] extends [K] ? false : true) : never

/** A type that no table lists, written as it is. */
export interface UnlistedMessage extends Framed<null> {
  readonly type: number
  readonly body: Uint8Array
}
