import { knownOptions, type OptionNames } from '../base/options.ts'
import type { Type } from '../codec/type.ts'
import type { JsonContext } from './context.ts'
import { fromProtoJson } from './from-json.ts'
import { toProtoJson } from './to-json.ts'

/** For `Protocol.toJson` and `Protocol.fromJson`. */
export interface JsonOptions {
  /**
   * Fields that the schema does not know go along, as `$unknown` by number and wire type, `{"7:varint": 5}`, at each message that has some: what was
   * read is then written back whole. ProtoJSON itself has no place for them. Default: false.
   */
  unknownFields?: boolean | undefined
  /** Keys that are no field, and names that are no value of their enum, are left out instead of refused. Default: false. */
  ignoreUnknown?: boolean | undefined
}

const JSON_OPTIONS: OptionNames<JsonOptions> = { unknownFields: true, ignoreUnknown: true }

/** Messages of one schema to ProtoJSON and back. */
export class ProtoJson implements JsonContext {
  readonly find: (fullName: string) => Type | undefined
  readonly unknownFields: boolean
  readonly ignoreUnknown: boolean

  constructor(find: (fullName: string) => Type | undefined, options: JsonOptions = {}) {
    knownOptions('ProtoJSON', options, JSON_OPTIONS)
    this.find = find
    this.unknownFields = options.unknownFields ?? false
    this.ignoreUnknown = options.ignoreUnknown ?? false
  }

  /** @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a value that has no JSON, with its path. */
  toJson(type: Type, message: object, path = ''): unknown {
    return toProtoJson(this, type, message, path)
  }

  /** A message as a writer takes it. @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of what does not fit. */
  fromJson(type: Type, json: unknown, path = ''): object {
    return fromProtoJson(this, type, json, path)
  }
}
