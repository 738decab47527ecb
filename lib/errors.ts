// A stub until the core is merged: the real one has this very constructor and a literal union of codes.

/** An error of Qbp: `code` says which one, further facts are properties of their own. */
export class QbpError extends Error {
  readonly code: string

  constructor(code: string, message: string, facts: Record<string, unknown> = {}) {
    super(message)
    this.name = 'QbpError'
    this.code = code
    Object.assign(this, facts)
  }
}
