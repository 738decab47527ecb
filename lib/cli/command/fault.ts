/** Something that is reported to a person without a stack: a file, an address or a line that is wrong. */
export class Fault extends Error {}

/** The arguments of the command are wrong: exit code 2. */
export class UsageError extends Error {}

/** The message of an error. Several attempts to connect come as one error without a message of its own. */
export function errorText(error: Error): string {
  const { message, errors } = error as Error & { errors?: Error[] }
  return message || errors?.map((each) => each.message).join('; ') || String(error)
}
