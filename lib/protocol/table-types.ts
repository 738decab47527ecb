// What `types` may be for a schema, checked by the compiler: options that its messages have, and names that they are. Types only.

import type { MessageMap } from './description.ts'

/** The options of all messages, or any where the schema's types list none. */
type OptionsOf<M extends MessageMap> = { [K in keyof M]: M[K] extends { options: infer O } ? O : string }[keyof M]

/** A form as it was given where it fits the schema; else what may stand in its place. */
type CheckedForm<M extends MessageMap, F> = F extends `(${string})`
  ? F extends OptionsOf<M> | '(qbp.type)'
    ? F
    : OptionsOf<M>
  : F extends string
    ? F
    : F extends readonly unknown[]
      ? { readonly [I in keyof F]: CheckedForm<M, F[I]> }
      : { readonly [N in keyof F]: CheckedEntry<M, N, F[N]> }

type CheckedEntry<M extends MessageMap, N, F> = F extends { readonly body: string }
  ? F
  : F extends { readonly message: infer T }
    ? T extends keyof M
      ? F
      : Omit<F, 'message'> & { readonly message: keyof M & string }
    : N extends keyof M
      ? F
      : { readonly message: keyof M & string } | { readonly body: 'raw' | 'empty' }

/** Whether a form is given for each role, as `isPerRole` has it. */
type CheckedForms<M extends MessageMap, F> = F extends
  | { readonly client: object | string }
  | { readonly server: object | string }
  ? { readonly [R in keyof F]: CheckedForm<M, F[R]> }
  : CheckedForm<M, F>

/** Options whose `types` fit a schema; any where that was read at run time. */
export type CheckedOptions<M extends MessageMap, O> = string extends keyof M
  ? unknown
  : O extends { readonly types: infer F }
    ? { readonly types: CheckedForms<M, F> }
    : unknown
