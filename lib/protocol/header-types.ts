// From the text of a header layout to the type of `$header`: what `{ header: 'type:u16 length:u32 seq:u32' }` says is that there is a
// number called `seq`. Types only. They know names and kinds alone; whether a layout is right is found when a Protocol is made.

import type { HeaderFields } from '../framing/head.ts'
import type { MessageMap } from './description.ts'

/** A field of a header: its name, what it is read as and written from, and whether it may be missing there. */
interface Part {
  name: string
  read: unknown
  write: unknown
  mayLack: 'both' | 'write' | 'none'
}

/** Text constants may hold anything. */
type WithoutText<S extends string> = S extends `${infer A}"${string}"${infer B}` ? `${A}${WithoutText<B>}` : S

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9'

/** What a field of so many bits is: those of more than 53 are bigints. */
type OfBits<B extends string> = B extends `${'6'}${Digit}` | `5${'4' | '5' | '6' | '7' | '8' | '9'}` ? bigint : number

type Lack<G extends boolean, Otherwise extends Part['mayLack']> = G extends true ? 'both' : Otherwise

/** A number: by its kind, or its bits; one with a value to begin with need not be written. */
type NumberPart<N extends string, K extends string, G extends boolean> = K extends `${infer Kind}=${string}`
  ? { name: N; read: Integer<Kind>; write: Integer<Kind> | number; mayLack: Lack<G, 'write'> }
  : { name: N; read: Integer<K>; write: Integer<K> | number; mayLack: Lack<G, 'none'> }
type Integer<K extends string> = K extends 'u64' | 'u64le' ? bigint : K extends `${Digit}${string}` ? OfBits<K> : number

/** A section, as the schema has it. */
type SectionPart<M, N extends string, G extends boolean> = N extends keyof M
  ? M[N] extends { read: infer R; write: infer W }
    ? { name: N; read: Omit<R, '$name' | '$header'>; write: Omit<W, '$name' | '$header'>; mayLack: Lack<G, 'write'> }
    : never
  : { name: N; read: HeaderFields; write: object; mayLack: Lack<G, 'write'> }

/** One word. What counts, covers or stands elsewhere is nothing of the user's. */
type Word<M, W extends string, G extends boolean> = W extends `[${infer Cell}`
  ? Word<M, Cell, G>
  : W extends `${infer Cell}]:${string}`
    ? Word<M, Cell, G>
    : W extends `{${infer N}}`
      ? SectionPart<M, N, G>
      : W extends `${infer N}:${infer K}`
        ? N extends 'length' | 'type' | `${string}(${string}` | `0x${string}`
          ? never
          : K extends `bytes${string}`
            ? { name: N; read: Uint8Array; write: Uint8Array; mayLack: Lack<G, 'write'> }
            : NumberPart<N, K, G>
        : never

/** The parts of a layout, word by word; after the first bracket all are in groups, which may be missing. */
type Parts<M, S extends string, G extends boolean, Found = never> = S extends `${infer W} ${infer Rest}`
  ? W extends `(${infer Inner}`
    ? Parts<M, `${Inner} ${Rest}`, true, Found>
    : Parts<M, Rest, G, Found | Word<M, Ungrouped<W>, G>>
  : S extends `(${infer Inner}`
    ? Parts<M, Inner, true, Found>
    : Found | Word<M, Ungrouped<S>, G>
type Ungrouped<W extends string> = W extends `${infer Inner})?` ? Ungrouped<Inner> : W

/** What a frame is of: a preamble is no part of `$header`. */
type FrameOf<S extends string> = S extends `${string}|${infer F}` ? F : S

type PartsOf<M, L extends string> = Parts<M, FrameOf<WithoutText<L>>, false>

type ReadFields<P> = {
  [X in P as Lacks<X, 'both'> extends true ? never : NameOf<X>]: X extends Part ? X['read'] : never
} & {
  [X in P as Lacks<X, 'both'> extends true ? NameOf<X> : never]?: X extends Part ? X['read'] : never
}
type WrittenFields<P> = {
  [X in P as Lacks<X, 'both' | 'write'> extends true ? never : NameOf<X>]: X extends Part ? X['write'] : never
} & {
  [X in P as Lacks<X, 'both' | 'write'> extends true ? NameOf<X> : never]?: X extends Part
    ? X['write'] | undefined
    : never
}
type NameOf<X> = X extends { name: infer N extends string } ? N : never
type Lacks<X, W> = X extends { mayLack: infer L } ? (L extends W ? true : false) : false
type Flat<T> = { [K in keyof T]: T[K] }

/** Whether a text is known to the compiler, and simple enough for it: one that is broken into lines is not. */
type IsLiteral<L> = L extends string
  ? string extends L
    ? false
    : L extends `${string}${'\n' | '\t'}${string}`
      ? false
      : true
  : false

/** `$header` of messages that are read from frames of a layout. */
export type HeaderRead<L, M = MessageMap> = Header<L, M, 'read'>
/** `$header` of messages that are written to frames of a layout. */
export type HeaderWritten<L, M = MessageMap> = Header<L, M, 'write'>

type Header<L, M, W extends 'read' | 'write'> =
  IsLiteral<L> extends true
    ? L extends string
      ? [PartsOf<M, L>] extends [never]
        ? HeaderFields | undefined
        : Flat<W extends 'read' ? ReadFields<PartsOf<M, L>> : WrittenFields<PartsOf<M, L>>>
      : never
    : HeaderFields | undefined

/** What stands before the bar, as it is read and as it may be written; where there is no bar, nothing may be given. */
export type PreambleOf<L, M = MessageMap> =
  IsLiteral<L> extends true
    ? L extends string
      ? WithoutText<L> extends `${infer P}|${string}`
        ? PreambleFields<Parts<M, P, false>>
        : { read: never; write: never }
      : never
    : { read: HeaderFields; write: HeaderFields }

type PreambleFields<P> = [P] extends [never]
  ? { read: Record<never, never>; write: Record<string, never> }
  : { read: Readonly<Flat<ReadFields<P>>>; write: Readonly<Flat<WrittenFields<P>>> }

/** A message with its header: where nothing of that must be given, `$header` need not be, either. */
export type WithHeader<T, H> = HeaderFields | undefined extends H
  ? T
  : T extends unknown
    ? Omit<T, '$header'> &
        (Record<never, never> extends H ? { readonly $header?: Readonly<H> } : { readonly $header: Readonly<H> })
    : never

/** A direction's messages with the headers of its layout. */
export type WithHeaders<S, L, M> = [IsLiteral<L>] extends [true]
  ? {
      [N in keyof S]: S[N] extends { read: infer R; write: infer W }
        ? { read: WithHeader<R, HeaderRead<L, M>>; write: WithHeader<W, HeaderWritten<L, M>> }
        : S[N]
    }
  : S
