import { QbpError } from '../../index.ts'
import { printable } from '../terminal/printable.ts'
import { inCommandWords } from './wording.ts'

/** Something that is reported to a person without a stack: a file, an address or a line that is wrong. */
export class Fault extends Error {}

/** The arguments of the command are wrong: exit code 2. */
export class UsageError extends Error {}

/** Whether it was a folder that was to be read: Node does not say which. */
export const isFolder = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EISDIR'

export const notAFile = (path: string, cause: unknown): Fault => new Fault(`${path}: it is a folder.`, { cause })

/**
 * The message of an error, for a terminal: in the command's words, and without what a peer could do to the terminal.
 * Several attempts to connect come as one error without a message of its own.
 */
export function errorText(error: Error): string {
  const { message, errors } = error as Error & { errors?: Error[] }
  const text = message || errors?.map((each) => each.message).join('; ') || String(error)
  return printable(error instanceof QbpError ? inCommandWords(text) : text)
}
