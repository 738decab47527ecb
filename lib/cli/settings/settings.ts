// What a command line leaves out: from the environment, from the target that it names, and from a qbp.json, the earlier before the
// later.

import { delimiter } from 'node:path'
import { listed } from '../../base/listed.ts'
import { nearest } from '../../base/nearest.ts'
import { UsageError } from '../command/fault.ts'
import { schemaFiles } from '../options/schema-files.ts'
import { findSettings, type Options, readSettings, type SettingsFile, type Target } from './file.ts'
import { EITHER, ENVIRONMENT_KEYS, OF_A_SCHEMA } from './keys.ts'

/** What was typed, with what was said before. */
export interface Completed {
  readonly values: Options
  readonly positionals: string[]
}

/** What a verb says of itself. */
interface Asking {
  readonly options: Readonly<Record<string, unknown>>
  /** Which of its arguments are addresses of servers, counted from 0. */
  readonly targets?: readonly number[]
  /** It has an argument before its target, where it listens, which a target may say. */
  readonly listens?: boolean
  /** Its arguments are the schema: where none is given, a qbp.json says which, and all else of it. */
  readonly takesSchema?: boolean
}

/** Completes a command line. @throws {UsageError} for a name that is no target; a Fault for a qbp.json that is wrong. */
export async function completed(
  form: Asking,
  typed: Options,
  positionals: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Completed> {
  if (form.takesSchema === true) return await withSchema(form, typed, positionals, env)
  const isAsked = 'schema' in form.options || (form.targets?.length ?? 0) > 0
  if (!isAsked) return { values: typed, positionals: [...positionals] }
  const file = await settingsFile(env)
  const { args, target } = withTarget(form, positionals, file)
  const layers = [typed, fromEnvironment(env), target?.options ?? {}, file?.options ?? {}]
  return { values: withSchemaFiles(merged(layers, Object.keys(form.options))), positionals: args }
}

/** A schema that is named is another one: then nothing else is taken, neither. */
async function withSchema(
  { options }: Asking,
  typed: Options,
  positionals: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Completed> {
  const said = async () => [fromEnvironment(env), (await settingsFile(env))?.options ?? {}]
  const layers = positionals.length > 0 ? [{ ...typed, schema: [...positionals] }] : [typed, ...(await said())]
  const { schema, ...values } = withSchemaFiles(merged(layers, ['schema', ...Object.keys(options)]))
  return { values, positionals: (schema as string[] | undefined) ?? [] }
}

/** Folders and patterns among the schema's files become files; imports are looked for in these folders, too. */
function withSchemaFiles(values: Options): Options {
  const { schema, include = ['.'] } = values as { schema?: string[]; include?: string[] }
  if (schema === undefined) return values
  const { files, folders } = schemaFiles(schema)
  return { ...values, schema: files, ...(folders.length > 0 && { include: [...folders, ...include] }) }
}

/** QBP_CONFIG names the file; empty it says that there is none. */
export async function settingsFile({ QBP_CONFIG: named }: NodeJS.ProcessEnv): Promise<SettingsFile | undefined> {
  const path = named ?? findSettings(process.cwd())
  return path === undefined || path === '' ? undefined : await readSettings(path)
}

function fromEnvironment(env: NodeJS.ProcessEnv): Options {
  const options: Record<string, string | string[] | boolean> = {}
  for (const [name, { option, kind }] of Object.entries(ENVIRONMENT_KEYS)) {
    const text = env[name]
    if (text === undefined || text === '') continue
    if (kind === 'flag') options[option] = !['0', 'false', 'no'].includes(text)
    else if (kind === 'paths') options[option] = text.split(delimiter).filter((each) => each !== '')
    else options[option] = kind === 'forms' ? [text] : text
  }
  return options
}

function merged(layers: readonly Options[], options: readonly string[]): Options {
  const all: Record<string, string | string[] | boolean> = { ...layers[0] }
  const has = (layer: Options, option: string) => layer[option] !== undefined
  const ofSchema = layers.findIndex((layer) => has(layer, 'schema'))
  const ofTypes = layers.findIndex((layer) => EITHER.some((option) => has(layer, option)))
  layers.forEach((layer, i) => {
    for (const [option, value] of Object.entries(layer)) {
      if (!options.includes(option) || all[option] !== undefined) continue
      if (ofSchema >= 0 && i > ofSchema && OF_A_SCHEMA.includes(option)) continue
      if (i > ofTypes && EITHER.includes(option)) continue
      all[option] = value
    }
  })
  return all
}

/** A word that can only be the name of a target: no port, no path. */
const TARGET_NAME = /^[A-Za-z][\w.-]*$/

function withTarget(
  { targets = [], listens = false }: Asking,
  positionals: readonly string[],
  file: SettingsFile | undefined,
): { args: string[]; target: Target | undefined } {
  const args = [...positionals]
  // One word alone, where two are due, can only be a target's name.
  if (listens && args.length === 1 && TARGET_NAME.test(args[0] as string)) args.unshift('')
  let target: Target | undefined
  for (const place of targets) {
    const name = args[place]
    if (name === undefined || !TARGET_NAME.test(name)) continue
    target = file?.targets.get(name)
    if (target !== undefined) args[place] = target.address
    else if (file !== undefined && file.targets.size > 0) throw noTarget(name, file)
  }
  if (listens && args[0] === '') {
    if (target === undefined) args.shift()
    else args[0] = target.listen
  }
  return { args, target }
}

function noTarget(name: string, { path, targets }: SettingsFile): UsageError {
  const meant = nearest(name, targets.keys())
  const advice = meant === undefined ? `there are ${listed([...targets.keys()])}` : `did you mean ${meant}?`
  return new UsageError(`'${name}' is no address, and no target of ${path}; ${advice}`)
}
