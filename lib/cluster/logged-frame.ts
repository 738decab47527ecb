import { QbpError } from '../base/errors.ts'

// In a log a frame stands after what the members must know of it:
//
//   00 frame                   for all
//   01 length:u16 id frame   for all but the member of that ID

/** What a group writes into a log. */
export interface LoggedFrame {
  readonly frame: Uint8Array
  /** The ID of the member that does not get it. */
  readonly except: string | undefined
}

export function encodeLogged({ frame, except }: LoggedFrame): Uint8Array {
  if (except === undefined) {
    const logged = Buffer.allocUnsafe(1 + frame.length)
    logged[0] = 0
    logged.set(frame, 1)
    return logged
  }
  const name = Buffer.from(except)
  const logged = Buffer.allocUnsafe(3 + name.length + frame.length)
  logged[0] = 1
  logged.writeUInt16BE(name.length, 1)
  logged.set(name, 3)
  logged.set(frame, 3 + name.length)
  return logged
}

/** @throws {QbpError} ERR_QBP_INVALID_BODY for what no group has written. */
export function decodeLogged(logged: Uint8Array): LoggedFrame {
  if (logged[0] === 0) return { frame: logged.subarray(1), except: undefined }
  const view = Buffer.from(logged.buffer, logged.byteOffset, logged.length)
  const end = view.length < 3 ? Number.POSITIVE_INFINITY : 3 + view.readUInt16BE(1)
  if (logged[0] !== 1 || end > view.length) {
    throw new QbpError('ERR_QBP_INVALID_BODY', 'What stands in the log was not written by a group.')
  }
  return { frame: logged.subarray(end), except: view.toString('utf8', 3, end) }
}
