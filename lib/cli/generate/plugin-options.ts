import type { Int64Kind, ProtocolOptions } from '../../index.ts'
import { UsageError } from '../command/fault.ts'
import { forms, headerForm, onlyForm } from '../options/protocol-options.ts'
import { oneOf } from '../options/values.ts'

/** The plug-in's parameters: the options of `qbp generate`, by their names. */
export interface PluginOptions {
  readonly target: 'js' | 'ts'
  readonly keepCase: boolean
  readonly forms: { int64: Int64Kind; enums: 'numbers' | 'names'; wellKnown: 'messages' | 'plain' | 'temporal' }
  readonly codec: boolean
  readonly importFrom: { readonly importFrom?: string }
  readonly protocol: Pick<ProtocolOptions, 'header' | 'types' | 'message'>
}

const KNOWN = [
  'target',
  'keep-case',
  'int64',
  'enums',
  'well-known',
  'no-codec',
  'import',
  'header',
  'types',
  'message',
]

/**
 * Reads `target=ts,int64=long,header=type:u8 length:u16`, as protoc's `--qbp_opt` and buf's `opt` give it.
 *
 * @throws {UsageError}
 */
export async function pluginOptions(parameter: string): Promise<PluginOptions> {
  const values = new Map<string, string[]>()
  // A comma within brackets is of a table: {Say: 1, Said: 2}.
  for (const part of parameter.split(/,(?![^{[]*[}\]])/).filter((text) => text.trim() !== '')) {
    const [name = '', ...rest] = part.split('=')
    const key = name.trim()
    if (!KNOWN.includes(key)) throw new UsageError(`the option '${key}' is unknown; there are ${KNOWN.join(', ')}.`)
    values.set(key, [...(values.get(key) ?? []), rest.join('=').trim()])
  }
  const last = (name: string): string | undefined => values.get(name)?.at(-1)
  const [header, types, message, from] = [last('header'), values.get('types'), last('message'), last('import')]
  return {
    target: oneOf('target', last('target') ?? 'js', ['js', 'ts']),
    keepCase: isSet(last('keep-case')),
    forms: {
      int64: oneOf('int64', last('int64') ?? 'bigint', ['bigint', 'long', 'number']),
      enums: oneOf('enums', last('enums') ?? 'numbers', ['numbers', 'names']),
      wellKnown: oneOf('well-known', last('well-known') ?? 'messages', ['messages', 'plain', 'temporal']),
    },
    codec: !isSet(last('no-codec')),
    importFrom: from === undefined ? {} : { importFrom: from },
    protocol: {
      ...(header !== undefined && { header: await headerForm(header) }),
      ...(types !== undefined && { types: await forms({ types }) }),
      ...(message !== undefined && { message: await onlyForm(message) }),
    },
  }
}

/** A switch is set by its name alone. */
const isSet = (value: string | undefined): boolean => value !== undefined && value !== 'false'
