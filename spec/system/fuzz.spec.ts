import { expect } from 'chai'
import { fuzz } from '../support/fuzz.ts'

describe('hostile streams', function () {
  this.timeout(90_000)

  it('lead to messages or a documented error, however they are cut', async () => {
    const { inputs, messages, ends } = await fuzz(8, 20261123)
    expect(inputs).to.be.above(100)
    expect(messages).to.be.above(0)
    // Each end is met: a fuzzer that meets only one kind of refusal tests little.
    expect(ends).to.include.keys(
      'end',
      'ERR_QBP_TRUNCATED',
      'ERR_QBP_BAD_CONSTANT',
      'ERR_QBP_INVALID_BODY',
      'ERR_QBP_TOO_LONG',
      'ERR_QBP_UNKNOWN_TYPE',
    )
  })
})
