// From the methods of a service to what a client of it is, and what a handler. Types only.

import type { MethodMap, Service } from '../protocol/service.ts'
import type { CallSettings } from './call-settings.ts'
import type { CallContext } from './served-method.ts'

/** What may be sent as a stream: an async generator's return, a list, anything that can be iterated. */
type Stream<T> = AsyncIterable<T> | Iterable<T>

/** The answers of a call, as they come. Leaving the loop gives it up. */
export type Answers<T> = AsyncIterableIterator<T, undefined, undefined> & AsyncDisposable

type MethodsOf<S> = S extends Service<infer M> ? M : never

type ClientMethod<M extends MethodMap[string]> = (
  request: M['requestStream'] extends true ? Stream<M['request']['write']> : M['request']['write'],
  settings?: CallSettings,
) => M['responseStream'] extends true ? Answers<M['response']['read']> : Promise<M['response']['read']>

type HandlerMethod<M extends MethodMap[string]> = (
  request: M['requestStream'] extends true ? Answers<M['request']['read']> : M['request']['read'],
  context: CallContext,
) => M['responseStream'] extends true
  ? Stream<M['response']['write']>
  : M['response']['write'] | Promise<M['response']['write']>

/** Calls the methods of a service: `connection.client(Accounts)`. */
export type Client<S> = string extends keyof MethodsOf<S>
  ? AnyClient
  : { readonly [K in keyof MethodsOf<S>]: ClientMethod<MethodsOf<S>[K]> }

/** Serves the methods of a service. One that is left out is UNIMPLEMENTED. */
export type Handlers<S> = string extends keyof MethodsOf<S>
  ? AnyHandlers
  : { readonly [K in keyof MethodsOf<S>]?: HandlerMethod<MethodsOf<S>[K]> }

/** A client of a service whose schema was read at run time: a function for each method. */
// biome-ignore lint/suspicious/noExplicitAny: it has no types.
export type AnyClient = { readonly [method: string]: any }

/** Handlers of a service whose schema was read at run time. */
// biome-ignore lint/suspicious/noExplicitAny: it has no types.
export type AnyHandlers = Readonly<Record<string, (request: any, context: CallContext) => any>>
