import { type BodyHook, CheckedHook } from '../framing/body-hook.ts'

/**
 * The hook for bodies that a protocol of the main entry has as it is. It brings its code along: a page that does not import this has none.
 *
 *     Protocol.from(chat, { body: bodyHook({ read, write }) })
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION
 */
export function bodyHook(hook: BodyHook): BodyHook {
  return { checked: new CheckedHook(hook) } as unknown as BodyHook
}
