import { channel } from 'node:diagnostics_channel'
import type { Bus, Gap } from './contract.ts'

/** What the channels of node:diagnostics_channel carry of buses, by the channel's name. */
export interface BusChannelEvents {
  /** The engine is there again, or away. */
  'qbp:bus:up': { bus: Bus }
  'qbp:bus:down': { bus: Bus }
  /** Frames were lost to a reader. */
  'qbp:bus:gap': { bus: Bus; gap: Gap }
  /** A reader of a log, or all of a channel's on this node, has to read what it missed. */
  'qbp:bus:lag': { bus: Bus; channel: string }
  /** A durable publication was refused for want of room in the queue. */
  'qbp:bus:queue': { bus: Bus; bytes: number; limit: number }
}

/** Publishes to a diagnostics channel, if anybody listens. */
export function diagnose<N extends keyof BusChannelEvents>(name: N, event: BusChannelEvents[N]): void {
  const published = channel(name)
  if (published.hasSubscribers) published.publish(event)
}
