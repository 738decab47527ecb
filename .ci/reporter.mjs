// Mocha's own report; and the files of what failed, each a line of the file that QBP_FAILED names.

import { appendFileSync } from 'node:fs'
import mocha from 'mocha'

export default class Reporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.on('fail', ({ file, parent }) => appendFileSync(process.env.QBP_FAILED, `${file ?? parent.file}\n`))
    // What failed may have left a server open: the run would not end before its time-out.
    runner.on('end', () => {
      const { failures } = this.stats
      if (failures > 0) setTimeout(() => process.exit(Math.min(failures, 255)), 2_000).unref()
    })
  }
}
