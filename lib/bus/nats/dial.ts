import { connect, errors, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'

/**
 * Connects, once.
 *
 * @throws {QbpError} ERR_QBP_BUS_DOWN if no server takes the connection (`cause` says why), ERR_QBP_BAD_OPTION; the signal's reason.
 */
export async function dial(options: NodeConnectionOptions, signal: AbortSignal | undefined): Promise<NatsConnection> {
  const connecting = connect(options)
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort)
  })
  aborted.catch(() => {})
  try {
    return await Promise.race([connecting, aborted])
  } catch (error) {
    // nats.js has no way to stop dialing: should it get through after all, that connection is closed.
    connecting.then((nc) => nc.close()).catch(() => {})
    if (signal?.aborted) throw error
    if (error instanceof errors.InvalidArgumentError) {
      throw new QbpError('ERR_QBP_BAD_OPTION', `nats.js refuses its options: ${error.message}`, { cause: error })
    }
    const said = error instanceof Error ? error.message : String(error)
    const servers = JSON.stringify(options.servers ?? '127.0.0.1:4222')
    throw new QbpError(
      'ERR_QBP_BUS_DOWN',
      `No server at ${servers}: ${said}. Start nats-server there, or see "servers".`,
      {
        cause: error,
      },
    )
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
