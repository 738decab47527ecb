import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { gathered } from '../../base/gathered.ts'
import { Fault } from '../command/fault.ts'

/** A key, a certificate or settings have a few KB; a device such as /dev/zero has no end. */
const MOST_BYTES = 2 ** 26

/** The text of a file that an option names. Asynchronous: a pipe without a writer does not keep Ctrl-C waiting. @throws {Fault} */
export async function textFile(path: string, name = path): Promise<string> {
  const bytes = await gathered(createReadStream(path), MOST_BYTES).catch((error) => {
    throw notRead(name, error)
  })
  if (bytes !== null) return new TextDecoder().decode(bytes)
  throw new Fault(`${name}: it has more than ${MOST_BYTES} bytes, which is the most that is read of a file of text.`)
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
