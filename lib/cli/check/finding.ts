/** One thing that is wrong, or was changed. */
export interface Finding {
  /** `fault`: the schema cannot be used so. `break`: a peer with the old schema would misread. `note`: worth a look. */
  level: 'fault' | 'break' | 'note'
  /** What it is about: `chat.Say.text`. */
  place: string
  text: string
}

/** Takes what was found about the parts of one message, enum or service. */
export type Report = (level: Finding['level'], part: string, text: string) => void
