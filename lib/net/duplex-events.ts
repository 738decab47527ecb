import type { Duplex } from 'node:stream'
import { bytesOf } from '../codec/bytes.ts'

/** What hears of a duplex. */
export interface DuplexUser {
  /** Bytes have come. */
  arrived(chunk: Uint8Array): void
  /** The peer has ended its side. */
  peerEnded(): void
  /** There is room again. */
  drained(): void
  /** This side has ended, and all is sent. */
  allSent(): void
  duplexFailed(fault: Error): void
  duplexClosed(): void
}

/** Where a duplex has its user, so that its listeners can be the same functions for every connection. */
const user = Symbol('qbp.duplexUser')
export type HeardDuplex = Duplex & { [user]?: DuplexUser }

/** Listens to a duplex, which flows then. One that was closed before it came here is reported in the next tick. */
export function listen(duplex: HeardDuplex, heard: DuplexUser): void {
  duplex[user] = heard
  duplex.on('error', onError).on('close', onClose).on('finish', onFinish)
  if (duplex.destroyed) {
    process.nextTick(onClose.bind(duplex)) // Or in the turn in which its handshake was done.
    return
  }
  duplex.on('end', onEnd).on('data', onData) // The last makes it flow.
  if (duplex.isPaused()) duplex.resume()
  duplex.on('drain', onDrain)
}

/** Takes no bytes any more; its end and its faults are heard of. */
export function stopData(duplex: HeardDuplex): void {
  duplex.off('data', onData)
  duplex.pause()
}

/** Hears of no room any more. */
export function stopDrain(duplex: HeardDuplex): void {
  duplex.off('drain', onDrain)
}

/** Hears nothing of it any more. */
export function leave(duplex: HeardDuplex): void {
  duplex.off('error', onError).off('close', onClose).off('finish', onFinish)
  duplex.off('end', onEnd).off('data', onData).off('drain', onDrain)
  delete duplex[user]
}

/** Reads what a duplex that has failed holds still: Node emits no `data` for it. */
export function readRest(duplex: HeardDuplex): void {
  if (!duplex.errored || duplex.readableLength === 0) return
  for (let chunk = duplex.read(); chunk !== null; chunk = duplex.read()) onData.call(duplex, chunk)
}

function onData(this: HeardDuplex, chunk: unknown): void {
  let bytes: Uint8Array
  try {
    bytes = bytesOf('A chunk of the duplex', chunk) // One in object mode, or with an encoding, may yield anything.
  } catch (fault) {
    this.destroy(fault as Error)
    return
  }
  this[user]?.arrived(bytes)
}

function onEnd(this: HeardDuplex): void {
  this[user]?.peerEnded()
}

function onError(this: HeardDuplex, fault: Error): void {
  this[user]?.duplexFailed(fault)
}

function onFinish(this: HeardDuplex): void {
  this[user]?.allSent()
}

function onClose(this: HeardDuplex): void {
  this[user]?.duplexClosed()
}

function onDrain(this: HeardDuplex): void {
  this[user]?.drained()
}
