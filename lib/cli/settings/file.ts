import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { listed } from '../../base/listed.ts'
import { nearest } from '../../base/nearest.ts'
import { Fault } from '../command/fault.ts'
import { textFile } from '../files/text-file.ts'
import { parseJson5 } from '../terminal/json5.ts'
import { FILE_KEYS, type Key, TARGET_KEYS } from './keys.ts'

/** Options by their names, as parseArgs gives them. */
export type Options = Readonly<Record<string, string | string[] | boolean>>

/** A server that has a name. */
export interface Target {
  readonly address: string
  /** Where a tap on it listens. */
  readonly listen: string
  readonly options: Options
}

/** What a qbp.json says. */
export interface SettingsFile {
  readonly path: string
  readonly options: Options
  readonly targets: ReadonlyMap<string, Target>
}

const NAME = 'qbp.json'

/** The qbp.json of the folder, or of the nearest folder around it that has one; undefined where none has. */
export function findSettings(folder: string): string | undefined {
  const path = join(folder, NAME)
  if (existsSync(path)) return path
  const around = dirname(folder)
  return around === folder ? undefined : findSettings(around)
}

/** @throws {Fault} with the file and the key that is wrong. */
export async function readSettings(path: string): Promise<SettingsFile> {
  const shown = relative('', path) || path
  const text = await textFile(path, shown)
  const json = await parseJson5(text).catch((error: Error) => {
    throw new Fault(`${shown}: does not read: ${error.message}.`)
  })
  const reading = new Reading(shown, dirname(resolve(path)))
  const { targets = {}, ...rest } = reading.object(json, 'it', 'an object with a schema, a header, …')
  const named = Object.entries(reading.object(targets, '"targets"', 'an object of addresses by name'))
  reading.known(rest, '', [...Object.keys(FILE_KEYS), 'targets'])
  return {
    path: shown,
    options: reading.options(rest, '', FILE_KEYS),
    targets: new Map(named.map(([name, value]) => [name, reading.target(value, `targets.${name}`)])),
  }
}

class Reading {
  readonly #path: string
  readonly #folder: string

  constructor(path: string, folder: string) {
    this.#path = path
    this.#folder = folder
  }

  object(value: unknown, what: string, allowed: string): Record<string, unknown> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    throw this.#fault(what, value, allowed)
  }

  target(value: unknown, place: string): Target {
    if (typeof value === 'string') return { address: value, listen: '0', options: {} }
    const {
      address,
      listen = 0,
      ...rest
    } = this.object(value, `"${place}"`, 'HOST:PORT, or an object with an "address"')
    this.known(rest, `${place}.`, [...Object.keys(TARGET_KEYS), 'address', 'listen'])
    if (typeof address !== 'string') throw this.#fault(`"${place}.address"`, address, 'HOST:PORT or unix:PATH')
    if (typeof listen !== 'string' && typeof listen !== 'number')
      throw this.#fault(`"${place}.listen"`, listen, 'a port, HOST:PORT or unix:PATH')
    return { address, listen: String(listen), options: this.options(rest, `${place}.`, TARGET_KEYS) }
  }

  known(object: object, place: string, names: readonly string[]): void {
    for (const name of Object.keys(object)) {
      if (names.includes(name) || name === '$schema') continue
      const meant = nearest(name, names)
      const advice = meant === undefined ? `there are ${listed([...names])}` : `did you mean "${meant}"?`
      throw new Fault(`${this.#path}: "${place}${name}" is no key of it; ${advice}`)
    }
  }

  options(object: Record<string, unknown>, place: string, keys: Readonly<Record<string, Key>>): Options {
    const entries = Object.entries(object).filter(([name]) => name !== '$schema')
    const options = Object.fromEntries(
      entries.map(([name, value]) => {
        const { option, kind } = keys[name] as Key
        return [option, this.#value(value, kind, `"${place}${name}"`)]
      }),
    )
    // Imports are looked for where the file stands, not where the command runs.
    return 'schema' in options && !('include' in options) ? { ...options, include: [this.#relative('.')] } : options
  }

  #value(value: unknown, kind: Key['kind'], what: string): string | string[] | boolean {
    const isText = (each: unknown): each is string => typeof each === 'string' && each !== ''
    const isForm = (each: unknown) => isText(each) || (typeof each === 'object' && each !== null)
    const text = (each: unknown) => (isText(each) ? each : JSON.stringify(each))
    switch (kind) {
      case 'flag':
        if (typeof value === 'boolean') return value
        throw this.#fault(what, value, 'true or false')
      case 'count':
        if (typeof value === 'number') return String(value)
        throw this.#fault(what, value, 'a number')
      case 'text':
        if (isText(value)) return value
        throw this.#fault(what, value, 'text')
      case 'path':
        if (isText(value)) return this.#relative(value)
        throw this.#fault(what, value, 'a path')
      case 'paths':
        if ([value].flat().every(isText)) return [value].flat().map((each) => this.#relative(each as string))
        throw this.#fault(what, value, 'a path or a list of them')
      case 'form':
        if (isForm(value)) return text(value)
        throw this.#fault(what, value, 'text, or an object as the option has it')
      case 'forms':
        if ([value].flat().every(isForm)) return [value].flat().map(text)
        throw this.#fault(what, value, 'text, an object, or a list of them')
    }
  }

  /** A path of the file as seen from here. */
  #relative(path: string): string {
    return relative('', resolve(this.#folder, path)) || '.'
  }

  #fault(what: string, value: unknown, allowed: string): Fault {
    return new Fault(`${this.#path}: ${what} is ${JSON.stringify(value) ?? 'missing'}; it may be ${allowed}.`)
  }
}
