import { createHash } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { threadId } from 'node:worker_threads'
import { QbpError } from '../../base/errors.ts'
import { LONGEST_TIMER_MS } from '../../base/longest-timer.ts'
import { inRootContext } from '../../event-loop/root-context.ts'
import { checkInteger, checkLimit } from '../bus-options.ts'
import { type Contents, readContents, writeContents } from './hub-contents.ts'

/** How a hub is kept in a file. */
export interface HubFileOptions {
  /** How often it is saved, in ms, where something has changed: what a crash loses at most. Default: only by `save` and `close`. */
  readonly saveEveryMs?: number | undefined
  /** How long the file gets, in bytes; the oldest frames are left out first. A longer one is not loaded. Default: 64 MiB. */
  readonly maxFileBytes?: number | undefined
}

/** What is kept. */
export interface HubState {
  /** Changes with it. */
  readonly version: number
  snapshot(): Contents
  restore(contents: Contents): void
  /** Saving by the clock has failed. */
  failed(error: unknown): void
}

/** What is being written, by path. */
const writing = new Map<string, Promise<void>>()

const DIGEST_BYTES = 32
/** How much is written at a time. */
const CHUNK_BYTES = 2 ** 18

/** The file of a hub. What stands in it is always whole: a new one is written beside it, reaches the disk, and takes its place. */
export class HubFile {
  readonly #path: string
  readonly #hub: HubState
  readonly #maxBytes: number
  readonly #everyMs: number | undefined
  #saved = -1
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #saving: Promise<void> = Promise.resolve()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(path: string, hub: HubState, { saveEveryMs, maxFileBytes = 64 * 2 ** 20 }: HubFileOptions) {
    if (typeof path !== 'string' || path === '') {
      throw new QbpError('ERR_QBP_BAD_OPTION', 'A hub is saved into a file: give its path, or load() the hub from one.')
    }
    if (saveEveryMs !== undefined) checkInteger('saveEveryMs', saveEveryMs, 1, LONGEST_TIMER_MS)
    checkLimit('maxFileBytes', maxFileBytes)
    this.#path = resolve(path)
    this.#hub = hub
    this.#maxBytes = maxFileBytes
    this.#everyMs = saveEveryMs
  }

  async load(): Promise<void> {
    const size = await stat(this.#path).then(
      (found) => found.size,
      (error) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      },
    )
    if (size !== undefined) {
      if (size > this.#maxBytes) throw this.#tooLong(size)
      this.#hub.restore(this.#read(await readFile(this.#path)))
    }
    this.#saved = this.#hub.version
    this.#saveLater()
  }

  /** Calls write one after the other, of whichever hub, each what is there by its turn. */
  save(): Promise<void> {
    const saving = (writing.get(this.#path) ?? Promise.resolve()).then(() => this.#write())
    const done = saving
      .catch(() => {})
      .then(() => {
        if (writing.get(this.#path) === done) writing.delete(this.#path)
      })
    writing.set(this.#path, done)
    this.#saving = done
    return saving
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    if (this.#saved !== this.#hub.version) await this.save()
    await this.#saving
  }

  #saveLater(): void {
    if (this.#everyMs === undefined || this.#isClosed) return
    const save = async () => {
      if (this.#saved !== this.#hub.version) await this.save().catch((error) => this.#hub.failed(error))
      this.#saveLater()
    }
    this.#timer = inRootContext(() => setTimeout(() => void save(), this.#everyMs))
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    const { version } = this.#hub
    const { parts, size } = writeContents(this.#hub.snapshot(), this.#maxBytes - DIGEST_BYTES)
    if (size + DIGEST_BYTES > this.#maxBytes) throw this.#tooLong(size + DIGEST_BYTES)
    // Of this process alone: another may save there as well, one that is restarted, say.
    const beside = `${this.#path}.${process.pid}-${threadId}.tmp`
    try {
      await this.#fill(beside, parts)
      await rename(beside, this.#path)
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      throw error
    }
    await syncFolder(dirname(this.#path))
    this.#saved = version
  }

  async #fill(path: string, parts: readonly Uint8Array[]): Promise<void> {
    const file = await open(path, 'w', 0o600) // Sessions are in it.
    try {
      const digest = createHash('sha256')
      let chunk: Uint8Array[] = []
      let bytes = 0
      const flush = async () => {
        const whole = Buffer.concat(chunk)
        ;[chunk, bytes] = [[], 0]
        digest.update(whole)
        await file.writeFile(whole)
      }
      for (const part of parts) {
        chunk.push(part)
        bytes += part.length
        if (bytes >= CHUNK_BYTES) await flush()
      }
      await flush()
      await file.writeFile(digest.digest())
      await file.sync()
    } finally {
      await file.close()
    }
  }

  #read(bytes: Buffer): Contents {
    const end = bytes.length - DIGEST_BYTES
    try {
      if (createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end)))
        return readContents(bytes.subarray(0, end))
    } catch {} // As if the digest were another.
    const message = `${this.#path} was not written by a hub of this version, or is damaged. Take it away to begin with nothing.`
    throw new QbpError('ERR_QBP_INVALID_BODY', message)
  }

  #tooLong(size: number): QbpError {
    const message = `${this.#path} takes ${size} bytes, without any log that can be left out; allowed are ${this.#maxBytes}. Raise maxFileBytes.`
    return new QbpError('ERR_QBP_TOO_LONG', message, { size, limit: this.#maxBytes })
  }
}

/** Makes a rename outlive a power loss, where a folder can be opened for that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  try {
    await folder?.sync()
  } catch {
    // Not on Windows.
  } finally {
    await folder?.close()
  }
}
