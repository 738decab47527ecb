import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'

/** How long the server knows a publication's ID. Nothing is repeated later than this: see `timeoutMs`. */
export const DEDUPLICATION_MS = 120_000

const NAME_IN_USE = 10058

/**
 * A stream, made where it is missing. Whoever is first decides on its limits; they are left alone afterwards, so that an operator
 * may change them.
 */
export async function openStream(
  jsm: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<StreamInfo> {
  try {
    return await jsm.streams.info(config.name)
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) throw error
  }
  try {
    return await jsm.streams.add(config)
  } catch (error) {
    if (!isApiError(error, NAME_IN_USE)) throw error
    return await jsm.streams.info(config.name)
  }
}

/** The time of a stream's making, to the nanosecond: a stream that was lost and made anew has another. */
export function epochOf(info: StreamInfo): string {
  return info.created.replace(/[^0-9]/g, '')
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code
}
