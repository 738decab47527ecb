// The library's errors name options and values as a program has them. On the command line they are named as they are typed.

const WORDS: readonly [library: RegExp, command: string][] = [
  [/give a bigint/g, `write it as text, "9007199254740993"`],
  [/, as a number, bigint, Long or decimal text/g, ', as a number or as decimal text'],
  [/ \(int64: 'bigint' or 'long' can hold it\)/g, ' (without --int64 number it is printed as text)'],
  [/: give a plain object or a received message/g, ': {field: value}'],
  [/or give (?:a table: )?\{ types: \{ Name: 1 \} \}/g, `or give a table: --types '{Name: 1}'`],
  [/name the message: \{ message: 'Name' \}/g, 'name the message: --message Name'],
  [
    /^message is for headers without a type; (.*) has one: give types\./g,
    '--message is for headers without a type; $1 has one: --types.',
  ],
  [
    /^types is for headers with a type; (.*) has none: give message\./g,
    '--types is for headers with a type; $1 has none: --message.',
  ],
  [/ or \{ body: 'raw' \}/g, ` or '{body: "raw"}'`],
  [/ See the option 'unknown'\./g, ''],
  [/\bmaxBodyBytes\b/g, '--max-body'],
  [/\bmaxHeaderBytes\b/g, '--max-header'],
  [/\bincludeDirs\b/g, '--include'],
  [/\bkeepCase(?: \(--keep-case\))?/g, '--keep-case'],
  [/\ba \$name\b/g, 'a name'],
  [/\$name\b/g, 'name'],
]

/** The text of a QbpError for the one who typed a command. */
export const inCommandWords = (message: string): string =>
  WORDS.reduce((text, [library, command]) => text.replace(library, command), message)
