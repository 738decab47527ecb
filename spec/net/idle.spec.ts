import { expect } from 'chai'
import type { Idle } from '../support/idle.ts'
import { runAlone } from '../support/own-process.ts'

describe('an idle connection of a server', () => {
  let idle: Idle

  before(function () {
    this.timeout(60_000)
    idle = runAlone('idle.ts', ['--no-warnings'])
  })

  it('has what waits for a message, and nothing else before that comes', () => {
    expect(idle.silent).to.deep.equal({ Receiver: 1, Ending: 1 })
  })

  it('has what has read and written once it has, and nothing for an end, for events or for push-back', () => {
    const made = { MessageSupply: 1, Sender: 1, Outflow: 1, Outlet: 1, Deadlines: 1 }
    expect(idle.heard).to.deep.equal({ ...idle.silent, ...made })
  })
})
