import type { Verb } from './verb.ts'

// What the help says of each verb, and its file: only the one that runs is loaded.
const VERBS: Record<string, [summary: string, load: () => Promise<{ run: Verb }>]> = {
  bench: ['measure round trips to a server, or how much it takes in', () => import('../verbs/bench.ts')],
  call: ['call a method of a service, and print its answers', () => import('../verbs/call.ts')],
  check: ['look for what is wrong in a schema, or would break a peer', () => import('../verbs/check.ts')],
  completion: ['print a script that completes this command in a shell', () => import('../verbs/completion.ts')],
  decode: ['print the frames of a file, or of standard input, as lines of JSON', () => import('../verbs/decode.ts')],
  encode: ['make frames of lines of JSON', () => import('../verbs/encode.ts')],
  generate: ['make a typed module of .proto files', () => import('../verbs/generate.ts')],
  guess: ['find the header of unknown frames', () => import('../verbs/guess.ts')],
  listen: ['be a server that prints whatever arrives, and may answer', () => import('../verbs/listen.ts')],
  replay: ['send again what qbp tap --record has kept', () => import('../verbs/replay.ts')],
  send: ['send messages, and print the replies as they come', () => import('../verbs/send.ts')],
  tap: ['stand between a client and a server and show what passes', () => import('../verbs/tap.ts')],
  view: ['show what was captured, on the terminal or in a browser', () => import('../verbs/view.ts')],
  wireshark: [
    'make a dissector for Wireshark, or a capture file of a recording',
    () => import('../verbs/wireshark.ts'),
  ],
}

/** In the order of the help. */
export const VERB_NAMES: readonly string[] = Object.keys(VERBS)

/** What the help says of a verb, in one line. */
export const summaryOf = (name: string): string => VERBS[name]?.[0] ?? ''

/** Undefined where there is none of that name. */
export const loadVerb = async (name: string): Promise<Verb | undefined> =>
  Object.hasOwn(VERBS, name) ? (await VERBS[name]?.[1]())?.run : undefined
