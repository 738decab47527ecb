/** Something that a person is told without a stack: a file, an address or a line that is wrong. */
export class Fault extends Error {}
