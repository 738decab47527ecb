import { expect } from 'chai'
import { Batch } from '../../lib/framing/batch.ts'
import { BATCH_BYTES } from '../../lib/framing/scratch.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'

/** Writes a frame of `size` bytes of `value`, running `during` in the middle of it. */
function write(batch: Batch, value: number, size: number, during: () => void = () => {}): void {
  const output = batch.open()
  const { pos } = output
  try {
    if (pos + size > output.buf.length) output.grow(pos, size)
    output.buf.fill(value, pos, pos + (size >> 1))
    during()
    output.buf.fill(value, pos + (size >> 1), pos + size)
    batch.close(output, pos + size)
  } catch (fault) {
    batch.abandon(output)
    throw fault
  }
}

/** What comes out of a batch, as one letter for each frame, of which each byte must be whole and in one piece. */
function taken(batch: Batch): string {
  const chunks: Buffer[] = []
  for (let chunk = batch.take(); chunk !== null; chunk = batch.take()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('latin1')
}

const [a, b, c, d] = [...'abcd'].map((letter) => letter.charCodeAt(0)) as [number, number, number, number]

describe('a batch', () => {
  it('holds frames of its own, in order, while others write too', () => {
    const [one, two] = [new Batch(), new Batch()]
    write(one, a, 3)
    write(two, b, 3)
    write(one, c, 3)
    expect([one.length, two.length]).to.deep.equal([6, 3])
    expect([taken(one), taken(two)]).to.deep.equal(['aaaccc', 'bbb'])
    expect([one.length, two.length]).to.deep.equal([0, 0])
  })

  it('takes a frame of another batch in the middle of one of its own', () => {
    const [one, two] = [new Batch(), new Batch()]
    write(one, a, 3)
    write(one, b, 3, () => write(two, c, 3))
    expect([taken(one), taken(two)]).to.deep.equal(['aaabbb', 'ccc'])
  })

  it('takes a frame of its own in the middle of another, which was whole first and goes first', () => {
    const one = new Batch()
    write(one, a, 3)
    write(one, b, 3, () => write(one, c, 3, () => write(one, d, 3)))
    expect(one.length).to.equal(12)
    expect(taken(one)).to.equal('aaadddcccbbb')
  })

  it('is taken, cleared and added to in the middle of a frame', () => {
    const one = new Batch()
    write(one, a, 3)
    let first = ''
    write(one, b, 3, () => {
      first = taken(one)
    })
    expect([first, taken(one)]).to.deep.equal(['aaa', 'bbb'])
    write(one, a, 3)
    write(one, b, 3, () => one.clear())
    expect(taken(one)).to.equal('bbb')
    write(one, a, 3)
    write(one, b, 3, () => one.add(Buffer.from('zz')))
    expect(taken(one)).to.equal('aaazzbbb')
  })

  it('keeps what was written in the middle of a frame that is given up, and nothing of that', () => {
    const [one, two] = [new Batch(), new Batch()]
    const fails = () =>
      write(one, b, 3, () => {
        write(two, c, 3)
        write(one, d, 3)
        throw new Error('refused')
      })
    write(one, a, 3)
    expect(fails).to.throw('refused')
    expect([one.length, two.length]).to.deep.equal([6, 3])
    write(one, a, 3)
    expect([taken(one), taken(two)]).to.deep.equal(['aaadddaaa', 'ccc'])
  })

  it('leaves in chunks of whole frames, with larger frames in the middle of each other', () => {
    const one = new Batch()
    write(one, a, BATCH_BYTES + 5, () => write(one, b, 3 * BATCH_BYTES, () => write(one, c, BATCH_BYTES)))
    expect([one.take()?.length, one.take()?.length, one.take()?.length, one.take()]).to.deep.equal([
      BATCH_BYTES,
      3 * BATCH_BYTES,
      BATCH_BYTES + 5,
      null,
    ])
  })

  it('gives out chunks that later frames do not change', () => {
    const one = new Batch()
    let early: Uint8Array | null = null
    write(one, a, BATCH_BYTES)
    write(one, b, 10, () => {
      early = one.take()
    })
    const late = one.take()
    write(one, c, 2 * BATCH_BYTES)
    expect(Buffer.from(early ?? []).every((byte) => byte === a)).to.equal(true)
    expect(Buffer.from(late ?? []).toString()).to.equal('b'.repeat(10))
  })

  it('holds what a list would hold, whatever is done in whatever depth: 2,000 random scripts', () => {
    const random = randomNumbers(11)
    const below = (limit: number) => Math.floor(random() * limit)
    for (let n = 0; n < 2000; n++) {
      const batches = [new Batch(), new Batch(), new Batch()]
      const lists: string[] = ['', '', '']
      const out: string[] = ['', '', '']
      const act = (depth: number): void => {
        for (let i = below(4); i > 0; i--) {
          const which = below(3)
          const batch = batches[which] as Batch
          const what = below(8)
          if (what === 0) out[which] += taken(batch)
          else if (what === 1) {
            batch.add(Buffer.from('+'))
            lists[which] += '+'
          } else {
            const letter = 97 + below(26)
            const size = 1 + below(what === 2 ? 3000 : 6)
            const throws = below(5) === 0
            try {
              write(batch, letter, size, () => {
                if (depth > 0) act(depth - 1)
                if (throws) throw new Error('refused')
              })
              lists[which] += String.fromCharCode(letter).repeat(size)
            } catch (fault) {
              expect((fault as Error).message).to.equal('refused')
            }
          }
        }
      }
      act(3)
      act(3)
      expect(
        batches.map((batch, i) => batch.length + (out[i] as string).length),
        `script ${n}`,
      ).to.deep.equal(lists.map(({ length }) => length))
      expect(batches.map((batch, i) => out[i] + taken(batch), `script ${n}`)).to.deep.equal(lists)
    }
  })
})
