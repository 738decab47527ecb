// What may be said once: in a qbp.json, of a target there, or in the environment. Each key stands for an option of the command.

/** How a key's value is written, and what it becomes: the texts that the option would be given. */
export interface Key {
  readonly option: string
  /**
   * - `paths`, `path`: of files or folders, relative to the file that names them
   * - `form`: a text, or an object or list as the option has it in JSON
   * - `forms`: one such, or a list of them
   * - `text`, `count`, `flag`
   */
  readonly kind: 'paths' | 'path' | 'form' | 'forms' | 'text' | 'count' | 'flag'
}

const key = (option: string, kind: Key['kind']): Key => ({ option, kind })

/** Of a protocol. */
const PROTOCOL_KEYS = {
  schema: key('schema', 'paths'),
  include: key('include', 'paths'),
  package: key('package', 'text'),
  keepCase: key('keep-case', 'flag'),
  header: key('header', 'form'),
  types: key('types', 'forms'),
  message: key('message', 'form'),
  role: key('role', 'text'),
  int64: key('int64', 'text'),
  maxBody: key('max-body', 'count'),
} as const

/** Of a qbp.json. */
export const FILE_KEYS: Readonly<Record<string, Key>> = PROTOCOL_KEYS

/** Of one of its targets, beside its `address` and where a tap on it listens, `listen`. */
export const TARGET_KEYS: Readonly<Record<string, Key>> = {
  ...PROTOCOL_KEYS,
  dialect: key('dialect', 'text'),
  tls: key('tls', 'flag'),
  insecure: key('insecure', 'flag'),
  ca: key('ca', 'path'),
  cert: key('cert', 'path'),
  key: key('key', 'path'),
  servername: key('servername', 'text'),
  listenTls: key('listen-tls', 'flag'),
}

/** Of the environment: QBP_SCHEMA, QBP_KEEP_CASE, … */
export const ENVIRONMENT_KEYS: Readonly<Record<string, Key>> = Object.fromEntries(
  Object.values(PROTOCOL_KEYS).map((each) => [`QBP_${each.option.toUpperCase().replaceAll('-', '_')}`, each]),
)

/** These are about one schema: where another is given, they are not taken from further away. */
export const OF_A_SCHEMA: readonly string[] = ['include', 'package', 'keep-case', 'types', 'message']
/** Of these, one excludes the other. */
export const EITHER: readonly string[] = ['types', 'message']
