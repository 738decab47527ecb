import { compile } from '../base/compile.ts'
import { codecLibrary } from './codec-library.ts'
import { decoderSource } from './decode.ts'
import { encoderSource } from './encode.ts'
import type { Codec, CodecSupport, Type } from './type.ts'

/**
 * The source of a Type's codec: a function of the Type that gives its four functions. It is the same whether it is compiled when it is first
 * needed or stands in a module of `qbp generate`; the names of the library must be in view.
 *
 * @param isNested whether a field of its schema is of this Type, as far as is known.
 */
export function codecSource(type: Type, isNested = true): string {
  const parts = type.fields.flatMap(({ message, form, enum: values, named }, i) => [
    ...(message === null ? [] : [`t${i} = fields[${i}].message`]),
    ...(form === null ? [] : [`p${i} = fields[${i}].form`]),
    ...(values?.closed || named ? [`e${i} = fields[${i}].enum.names`] : []),
    ...(named ? [`n${i} = fields[${i}].enum.numbers`] : []),
  ])
  return `(type) => {
    const { Message, Roomy, Bare, fields } = type${parts.map((part) => `, ${part}`).join('')}
    ${decoderSource(type, isNested)}
    const encode = ${encoderSource(type)}
    return { decode, read, nest, encode }
  }`
}

/** Compiles a Type's codec. @throws {QbpError} ERR_QBP_NO_CODEGEN where the process forbids functions from strings. */
function compileCodec(type: Type): Codec {
  return compile<(type: Type) => Codec>(codecSource(type), codecLibrary(type.int64))(type)
}

/** Codecs that are compiled when they are first used. */
export const compiling: CodecSupport = { library: codecLibrary, codec: compileCodec }
