import type { Stats } from 'node:fs'
import { open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

type Content = string | AsyncIterable<string | Uint8Array>

/**
 * Writes a file as a whole: it is there when all of it is written, and until then the file of before is. A full disk, a fault of what
 * is read and Ctrl-C leave no half of it.
 *
 * What is no ordinary file (a device, a pipe), and a file in a folder where no other may be made, are written as they are.
 */
export async function writeWhole(path: string, content: Content): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined && !found.isFile()) return await write(path, content)
  // What a link points to is written, not the link.
  const place = found === undefined ? path : await realpath(path)
  const draft = join(dirname(place), `.${basename(place)}.${process.pid}`)
  if (!(await isMade(draft, found))) return await write(path, content)
  try {
    await write(draft, content)
    await rename(draft, place)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** `writeFile`, piece by piece: Bun's own writes some pieces of an iterable twice. */
async function write(path: string, content: Content): Promise<void> {
  if (typeof content === 'string') return await writeFile(path, content)
  const file = await open(path, 'w')
  try {
    for await (const piece of content) await file.writeFile(piece)
  } finally {
    await file.close()
  }
}

/** Makes the empty draft, with the modes of the file that it is to replace. False where no file may be made. */
async function isMade(draft: string, { mode }: Partial<Stats> = {}): Promise<boolean> {
  try {
    const file = await open(draft, 'w', mode)
    await file.close()
    return true
  } catch {
    return false // The fault of the file itself is the one to be named.
  }
}
