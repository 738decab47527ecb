import type { Schema } from './description.ts'

/** The methods of a service, by their keys: what they take and give. `qbp generate` makes them. */
export type MethodMap = Record<
  string,
  {
    /** Whether its requests, or its answers, are a stream. */
    requestStream: boolean
    responseStream: boolean
    /** A message, or the plain value that stands for it, as it is read, and as it may be written. */
    request: { read: unknown; write: unknown }
    response: { read: unknown; write: unknown }
  }
>

/** A service, as a module of `qbp generate` exports it: for `connection.serve` and `connection.client`. */
export interface Service<M extends MethodMap = MethodMap> {
  /** With its package. */
  readonly name: string
  /** The module's schema. */
  readonly schema: Schema
  /** Never there: it carries `M`. */
  readonly methods?: M
}
