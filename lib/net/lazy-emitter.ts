import { EventEmitter } from 'node:events'

/**
 * An EventEmitter without its constructor, which makes a dictionary of listeners for each object: most connections never have
 * one. Its methods make it when the first listener comes.
 */
export type LazyEmitter<Events extends Record<keyof Events, unknown[]>> = EventEmitter<Events>

function Lazy(): void {}
Object.setPrototypeOf(Lazy.prototype, EventEmitter.prototype)

export const LazyEmitter = Lazy as unknown as abstract new <
  Events extends Record<keyof Events, unknown[]>,
>() => LazyEmitter<Events>
