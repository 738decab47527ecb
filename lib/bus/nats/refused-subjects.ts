import { errors } from '@nats-io/transport-node'
import type { QbpError } from '../../base/errors.ts'
import { refusedError } from './engine-errors.ts'

interface Publication {
  readonly subject: string
  readonly reject: (refusal: QbpError) => void
}

/**
 * The subjects that a connection may not publish to. The server says so in a word of its own, not in an answer: nats.js lets a publication
 * that is to be answered run into its time limit.
 */
export class RefusedSubjects {
  readonly #refusals = new Map<string, QbpError>()
  readonly #underWay = new Set<Publication>()
  /** Called once for each of them. */
  readonly listeners = new Set<(refusal: QbpError, subject: string) => void>()

  /** Why a subject is refused, if it is known to be. */
  of(subject: string): QbpError | undefined {
    return this.#refusals.get(subject)
  }

  /** The server has reported an error. */
  note(error: unknown): void {
    if (!(error instanceof errors.PermissionViolationError) || error.operation !== 'publish') return
    const refusal = refusedError(`a publication to ${error.subject}`, error)
    if (!this.#refusals.has(error.subject)) for (const call of this.listeners) call(refusal, error.subject)
    this.#refusals.set(error.subject, refusal)
    for (const { subject, reject } of this.#underWay) if (subject === error.subject) reject(refusal)
  }

  /** Another connection may have other rights. */
  forget(): void {
    this.#refusals.clear()
  }

  /** What is published to a subject and answered, or its refusal. @throws {QbpError} ERR_QBP_BUS_REFUSED */
  async orRefusal<T>(subject: string, publish: () => Promise<T>): Promise<T> {
    const known = this.#refusals.get(subject)
    if (known !== undefined) throw known
    let reject: Publication['reject'] = () => {}
    const refused = new Promise<never>((_, refuse) => {
      reject = refuse
    })
    const publication = { subject, reject }
    this.#underWay.add(publication)
    try {
      return await Promise.race([publish(), refused])
    } finally {
      this.#underWay.delete(publication)
    }
  }
}
