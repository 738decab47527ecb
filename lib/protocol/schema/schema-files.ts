import protobuf from 'protobufjs'
import { listed } from '../../base/listed.ts'
import { files, Located, placeOf } from './place.ts'

// One file has one name, however it is imported: protobufjs would load `./a.proto` beside `a.proto`.
const { normalize, resolve } = protobuf.util.path

/** Whether two paths lead to one file. */
export const isSameFile = (one: string, two: string): boolean =>
  one === two || (files?.existsSync(one) === true && files.realpathSync(one) === files.realpathSync(two))

/** Where the files of a schema lie: those that the caller names, and what they import. In a browser a file is there if it can be fetched. */
export class SchemaFiles {
  readonly #includeDirs: readonly string[]
  /** The files that were named; imports are looked for last beside them. */
  readonly #named = new Set<string>()

  constructor(includeDirs: readonly string[]) {
    this.#includeDirs = includeDirs
  }

  /** The path of a file that the caller names: as it is, or in a folder of includeDirs. @throws {Located} */
  named(name: string): string {
    const path = this.#find(name)
    this.#named.add(path)
    return path
  }

  #find(name: string): string {
    const path = normalize(name)
    if (files === null || files.existsSync(path)) return path
    const candidates = this.#included(name)
    const found = candidates.find((each) => files?.existsSync(each))
    if (found !== undefined) return found
    const others = [...new Set(candidates)].filter((each) => each !== path)
    throw new Located(`${path}: cannot be read (ENOENT)${others.length > 0 ? `, nor is it at ${listed(others)}` : ''}`)
  }

  /** The path of an import, where it is known to be there. */
  imported(target: string): string | undefined {
    return this.#candidates(target).find((path) => files?.existsSync(path))
  }

  /** The path to fetch an import by, where nobody can look; or the reason why it is not found. @throws {Located} */
  unseen(root: object, origin: string, target: string): string {
    const candidates = this.#candidates(target)
    if (files === null) return candidates.at(-1) as string
    const beside = resolve(origin, target)
    const advice = files.existsSync(beside)
      ? `; ${beside} lies beside the file that imports it, whose folder would have to be one of includeDirs (--include)`
      : ''
    const text = `the import '${target}' is not found, looked for at ${listed(candidates)}${advice}`
    throw new Located(`${placeOf(root, origin, target)}${text}`)
  }

  #included(name: string): string[] {
    return this.#includeDirs.map((dir) => normalize(`${dir}/${name}`))
  }

  #candidates(target: string): string[] {
    return [...new Set([...this.#included(target), ...[...this.#named].map((path) => resolve(path, target))])]
  }
}
