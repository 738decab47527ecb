import { readdirSync, statSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { Fault } from '../command/fault.ts'

/** What `--schema` names: files, and the folders among what was named, in which their imports are looked for. */
export interface SchemaFiles {
  readonly files: string[]
  readonly folders: string[]
}

/** All files that paths name: a folder stands for each .proto in it, `protos/*.proto` for what is like it. @throws {Fault} */
export function schemaFiles(paths: readonly string[]): SchemaFiles {
  const folders: string[] = []
  const files = paths.flatMap((path) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      folders.push(path)
      const found = filesIn(path).filter((each) => each.endsWith('.proto'))
      if (found.length === 0) throw new Fault(`${path}: there is no .proto in this folder.`)
      return found.map((each) => posix.join(path, each))
    }
    if (!/[*?{[]/.test(path) || statSync(path, { throwIfNoEntry: false }) !== undefined) return [path]
    const [base, pattern] = splitPattern(path)
    const found = filesIn(base).filter((each) => pattern.test(each))
    if (found.length === 0) throw new Fault(`${path}: no file is like that.`)
    return found.map((each) => (base === '.' ? each : posix.join(base, each)))
  })
  return { files: [...new Set(files)], folders }
}

/** The files below a folder, in order, by their paths in it. */
function filesIn(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  const isHidden = (path: string) => /(^|\/)(\.|node_modules(\/|$))/.test(path)
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !isHidden(path))
    .sort()
}

/** The folder that a pattern is looked for in, and the rest of it as a regular expression. */
function splitPattern(path: string): [base: string, pattern: RegExp] {
  const parts = path.split('/')
  const first = parts.findIndex((part) => /[*?{[]/.test(part))
  const base = parts.slice(0, first).join('/') || (path.startsWith('/') ? '/' : '.')
  const text = parts.slice(first).join('/')
  const expression = text.replaceAll(
    /\*\*\/|\*\*|\*|\?|\{([^}]*)\}|\[!?([^\]]*)\]|[.+^$()|\\]/g,
    (found, choices?: string) => {
      if (found === '**/') return '(?:.*/)?'
      if (found === '**') return '.*'
      if (found === '*') return '[^/]*'
      if (found === '?') return '[^/]'
      if (choices !== undefined) return `(?:${choices.split(',').map(escaped).join('|')})`
      if (found.startsWith('[')) return found.replace('[!', '[^')
      return `\\${found}`
    },
  )
  return [base, new RegExp(`^${expression}$`)]
}

const escaped = (text: string): string => text.replaceAll(/[.+^$()|\\[\]{}*?]/g, '\\$&')
