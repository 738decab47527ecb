import type protobuf from 'protobufjs'

/** How 64-bit integers are read: as native bigint, as `Long` objects, or as numbers (refused beyond 2**53 - 1). */
export type Int64Kind = 'bigint' | 'long' | 'number'

/** A 64-bit integer in two int32 halves: https://www.npmjs.com/package/long, as protobufjs uses it. */
export type Long = protobuf.Long

/** What a 64-bit field takes on writing, whatever it is read as: a number must be a safe integer, a string decimal digits. */
export type Int64 = bigint | number | string | Long

/** What a message that crosses a stream by itself has beside its fields. */
export interface Framed<N extends string | null> {
  readonly $name: N
  /** The header's fields of the layout's own. */
  readonly $header?: Record<string, number>
}

/** The messages of a schema, by name: relative to its package (`Connection.Close`), or in full outside it. */
export type MessageMap = Record<
  string,
  {
    read: object
    write: object
    /** The options of one's own that the .proto gives it, such as `'(qbp.type)'`. */
    options?: string
  }
>

/** What `qbp generate` exports and `Protocol.from` takes: a schema, which knows the types of its messages. */
export interface Schema<M extends MessageMap = MessageMap> {
  /** The names of messages are relative to it. */
  readonly package: string
  readonly int64: Int64Kind
  /** The definitions, in protobufjs's JSON form. */
  readonly root: object
  /** Never there: it only carries the types. */
  readonly messages?: M
}
