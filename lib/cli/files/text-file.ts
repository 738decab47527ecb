import { readFile, stat } from 'node:fs/promises'
import { Fault } from '../command/fault.ts'

/** The text of a file that an option names. Asynchronous: a pipe without a writer does not keep Ctrl-C waiting. @throws {Fault} */
export async function textFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw notRead(path, error)
  }
}

/** A folder that an option names. @throws {Fault} where it is none. */
export async function assertFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error) => {
    throw notRead(path, error)
  })
  if (!found.isDirectory()) throw new Fault(`${path}: it is no folder.`)
}

function notRead(path: string, cause: unknown): Fault {
  const { code } = cause as NodeJS.ErrnoException
  const reason = code === 'EISDIR' ? 'it is a folder' : `cannot be read (${code})`
  return new Fault(`${path}: ${reason}.`, { cause })
}
