import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** A package.json that decides how Node and TypeScript load a file: as an ES module where its type is 'module'. */
export interface PackageType {
  readonly path: string
  readonly type: string | undefined
}

/** The nearest package.json of a file: beside it, or in a folder above. Undefined where there is none. */
export function packageTypeOf(file: string): PackageType | undefined {
  for (let folder = dirname(resolve(file)); ; folder = dirname(folder)) {
    const path = join(folder, 'package.json')
    try {
      const { type } = JSON.parse(readFileSync(path, 'utf8')) ?? {}
      return { path, type }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return undefined // Its fault is npm's to report.
    }
    if (dirname(folder) === folder) return undefined
  }
}

/** Whether an ES module in this file is one to its package, too. `.mjs` and `.mts` are so everywhere. */
export function isModuleFile(file: string, { type }: PackageType): boolean {
  return type === 'module' || /\.m[jt]s$/.test(file)
}

/** What to do where a generated file is no ES module to its package. */
export function moduleAdvice(file: string, { path, type }: PackageType): string {
  const said = type === undefined ? "has no 'type'" : `says "type": ${JSON.stringify(type)}`
  const other = file.replace(/\.([jt]s)$/, '.m$1')
  return `${file} is an ES module, but ${relative('', path)} ${said}: run 'npm pkg set type=module', or generate ${other}.`
}
