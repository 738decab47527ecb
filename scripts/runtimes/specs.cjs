// Runs specs in a copy, on the runtime that runs this. What comes of each goes to standard output as a line of JSON after a
// U+001E, written at once: a runtime that stops in the middle has said where.

const { writeSync } = require('node:fs')
const { join } = require('node:path')
const mocha = require('mocha')

/** files: paths of the copy; limitMs: for each spec; known: of differences.json for this runtime; only: run these, or run the others. */
const { files, limitMs, known, only } = JSON.parse(process.argv[2])

const report = (what) => writeSync(1, `\n\u001e${JSON.stringify(what)}\n`)
/** A hook that has failed may have no file. */
const fileOf = ({ file = '' }) => file.slice(__dirname.length + 1).replace(/\.cjs$/, '.ts')
const knownOf = (test) => {
  const title = test.fullTitle()
  return known.findIndex((each) => each.spec === fileOf(test) && title.includes(each.title))
}

const run = new (mocha.default ?? mocha)({ timeout: limitMs, reporter: function none() {} })
for (const file of files) run.addFile(join(__dirname, file.replace(/\.ts$/, '.cjs')))
run.lazyLoadFiles(true)
run.loadFiles()
choose(run.suite)
run
  .run(() => {
    report({ ends: true })
    process.exit()
  })
  .on('test', (test) => {
    if (only) test.timeout(limitMs)
    report({ begins: test.fullTitle(), file: fileOf(test), known: knownOf(test) })
  })
  .on('pass', (test) => report({ passes: test.fullTitle(), file: fileOf(test), known: knownOf(test) }))
  .on('pending', (test) => report({ skips: test.fullTitle(), file: fileOf(test) }))
  .on('fail', (test, { message, stack }) =>
    report({ fails: test.fullTitle(), file: fileOf(test), known: knownOf(test), message, stack }),
  )

/** Leaves in a suite what is known to differ, or what is not. */
function choose(suite) {
  suite.tests = suite.tests.filter((test) => {
    const index = knownOf(test)
    if (index >= 0 && !only) report({ leaves: test.fullTitle(), file: fileOf(test), known: index })
    return index >= 0 === only
  })
  for (const each of suite.suites) choose(each)
}
