import { QbpError } from '../base/errors.ts'
import type { Type } from '../codec/type.ts'
import { bareHeaderLibrary } from '../framing/bare-header-library.ts'
import type { BodyHook, CheckedHook } from '../framing/body-hook.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import { GeneratedHeader } from '../framing/generated-header.ts'
import { varint } from '../framing/layout/varint.ts'
import type { HeaderLibrary } from '../framing/plain-header.ts'
import type { MessageMap, Schema } from '../protocol/description.ts'
import type { Directions, Merged, Sent, Untyped } from '../protocol/message-types.ts'
import { checkModule, layoutOf, typesOf, withOwn } from '../protocol/module-types.ts'
import type { ProtocolOptions } from '../protocol/options.ts'
import { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { CallSupport } from './calls.ts'
import { support } from './codec-support.ts'
import { missing } from './imported.ts'
import type { ResyncSupport } from './resync.ts'

/** All of a protocol: header, messages, and which travel where. It is made of a module of `qbp generate`, codec and layouts included: nothing is compiled. */
export class Protocol<D extends Directions = Untyped> extends SchemaProtocol<D> {
  /**
   * The code for calls, where `calls()` has brought it.
   *
   * @internal
   */
  readonly callSupport: CallSupport | null
  /**
   * Where `resync()` has brought it.
   *
   * @internal
   */
  readonly resyncFrom: ResyncSupport['from'] | null

  private constructor(schema: Schema, options: ProtocolOptions) {
    const types = typesOf(schema, options.package ?? schema.package, support)
    const calls: CallSupport | unknown = options.calls
    const callSupport = isBrought('prepare', calls) ? calls : null
    if (callSupport === null && calls) throw missing('calls')
    const resync: ResyncSupport | unknown = options.resync
    const resyncSupport = isBrought('from', resync) ? resync : null
    const plain = {
      ...options,
      ...(callSupport !== null && { calls: callSupport.form }),
      ...(resyncSupport !== null && { resync: true }),
    }
    super(types, withOwn(schema, plain), {
      header: (layout, section) => headerOf(schema, layout, section),
      support,
      calls: callSupport,
      hook(given) {
        if (isBrought('checked', given)) return given.checked
        throw missing('body', undefined, 'bodyHook(…)')
      },
      checkResync(...given) {
        if (resyncSupport !== null) return resyncSupport.check(...given)
        throw missing('resync')
      },
    })
    this.callSupport = callSupport
    this.resyncFrom = resyncSupport?.from ?? null
  }

  /**
   * Makes a Protocol of what a module of `qbp generate` exports, its messages typed.
   *
   * @param options as of the main entry; a layout that the module was not made with comes as `layout('…')`.
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA, ERR_QBP_BAD_LAYOUT, ERR_QBP_BAD_TABLE or ERR_QBP_BAD_OPTION.
   */
  static from<M extends MessageMap, D extends object, const O extends ProtocolOptions = Record<never, never>>(
    schema: Schema<M, D>,
    options?: O,
  ): Protocol<Sent<M, Merged<D, O>>>
  static from(schema: Schema, options?: ProtocolOptions): Protocol
  static from(schema: Schema, options: ProtocolOptions = {}): Protocol {
    checkModule(schema, options)
    return new Protocol(schema, options)
  }
}

/** Of the kinds of integers that are more than bytes in a row varints alone: others come by `layout`. */
const library: HeaderLibrary = { ...bareHeaderLibrary, kinds: { varint } }

function headerOf(schema: Schema, layout: string, section: ((name: string) => Type) | undefined): FrameHeader {
  const given: unknown = layout
  if (isBrought('header', given)) return given.header(section)
  const ready = layoutOf(schema, layout, library)
  if (ready?.kinds.every((name) => Object.hasOwn(library.kinds, name))) return new GeneratedHeader(ready)
  throw new QbpError(
    'ERR_QBP_BAD_LAYOUT',
    `The module has no functions for the layout '${layout}': make it with qbp generate --header, or give { header: layout('${layout}') }.`,
  )
}

/** What the functions that are given to a Protocol have made, by what nothing else has. */
interface Brought {
  /** `calls` */
  prepare: CallSupport
  /** `resync` */
  from: ResyncSupport
  /** `bodyHook` */
  checked: BodyHook & { readonly checked: CheckedHook }
  /** `layout` */
  header: { header(section?: (name: string) => Type): FrameHeader }
}

const isBrought = <K extends keyof Brought>(mark: K, value: unknown): value is Brought[K] => mark in Object(value)
