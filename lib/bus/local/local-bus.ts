import { knownOptions } from '../../base/options.ts'
import { BUS_OPTIONS, type BusOptions } from '../bus-options.ts'
import { LocalHub } from './hub.ts'
import { LocalBus } from './node.ts'

export { LocalHub, type LocalHubOptions } from './hub.ts'
export type { HubFileOptions } from './hub-file.ts'
export type { LocalBus } from './node.ts'

export interface LocalBusOptions extends BusOptions {
  /** What this node shares with others of the process. Default: a hub of its own. */
  readonly hub?: LocalHub | undefined
}

/**
 * The bus of one process: nothing to install. Logs and the store live as long as the hub does, or its file: see `LocalHub.load`.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION, ERR_QBP_BAD_NAME (of the node)
 */
export function localBus(options: LocalBusOptions = {}): LocalBus {
  knownOptions('localBus()', options, { ...BUS_OPTIONS, hub: true })
  return new LocalBus(options.hub ?? new LocalHub(), options)
}
