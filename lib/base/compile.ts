import { QbpError } from './errors.ts'

/** How many functions were compiled. */
let count = 0

/**
 * Compiles `source`, the text of a function expression, with the names of `scope` in view.
 *
 * Layouts and schemas become functions once, when a Protocol is made, so that no frame pays for their interpretation.
 * Only names that were checked or quoted may stand in `source`: a schema is code, but its strings are not.
 *
 * @throws {QbpError} ERR_QBP_NO_CODEGEN where the process forbids functions from strings.
 */
export function compile<F>(source: string, scope: Record<string, unknown>): F {
  try {
    // The number makes each text another: V8 lets functions of one text share what it learns of their types, and two Protocols
    // of one schema would make each other slow, to two thirds of their speed.
    const text = `'use strict'; /* ${++count} */ return ${source}`
    return new Function(...Object.keys(scope), text)(...Object.values(scope)) as F
  } catch (cause) {
    if (!(cause instanceof EvalError)) throw cause
    throw new QbpError(
      'ERR_QBP_NO_CODEGEN',
      'This process forbids code generation from strings (--disallow-code-generation-from-strings, or a Content-' +
        'Security-Policy without unsafe-eval), and Qbp compiles header layouts and schemas to functions: allow it.',
      { cause },
    )
  }
}
