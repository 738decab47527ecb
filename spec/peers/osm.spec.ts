import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { expect } from 'chai'
import { headers, Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { temporaryFolder } from '../support/languages.ts'
import { peer, run } from '../support/peers.ts'

// Files of OpenStreetMap, whose frames have their type and length in a section: Debian's osmium-tool writes one that we read, and
// reads one that we write.

const NODES = [
  { id: 1n, lat: 52.5, lon: 13.4, name: 'Größe' },
  { id: 7n, lat: -33.9, lon: 151.2, name: 'Sydney' },
  { id: 2n ** 40n, lat: 0, lon: -179.9999999, name: '' },
]
const XML = `<osm version="0.6">${NODES.map(
  ({ id, lat, lon, name }) =>
    `<node id="${id}" version="1" lat="${lat}" lon="${lon}"><tag k="name" v="${name}"/></node>`,
).join('')}</osm>`

describe('osmium', function () {
  this.timeout(20_000)
  let protocol: Protocol
  let folder: string
  before(async function () {
    peer(this, { needs: ['osmium'], apt: 'osmium-tool' })
    folder = temporaryFolder()
    protocol = await Protocol.load(join(__dirname, 'osm.proto'), {
      header: headers.osmpbf,
      types: { OSMHeader: { type: 'OSMHeader', message: 'Blob' }, OSMData: { type: 'OSMData', message: 'Blob' } },
    })
  })

  it('writes a file that is read whole', async () => {
    const [xml, pbf] = [join(folder, 'in.osm'), join(folder, 'out.osm.pbf')]
    writeFileSync(xml, XML)
    await run('osmium', ['cat', xml, '-o', pbf])
    const bytes = readFileSync(pbf)
    const reader = new QbpReadable(protocol)
    for (const byte of bytes) reader.write(Buffer.of(byte))
    reader.end()
    const names: unknown[] = []
    const found: object[] = []
    for await (const blob of reader) {
      names.push([blob.$name, blob.$header?.BlobHeader.type])
      const data = blob.data === 'raw' ? blob.raw : inflateSync(blob.zlibData)
      expect(data).to.have.length(blob.rawSize || data.length)
      if (blob.$name === 'OSMHeader') {
        const { requiredFeatures } = protocol.decode('HeaderBlock', data)
        expect(requiredFeatures).to.include('OsmSchema-V0.6')
        continue
      }
      const { stringtable, primitivegroup, granularity } = protocol.decode('PrimitiveBlock', data)
      for (const { dense } of primitivegroup) {
        let [id, lat, lon, tag] = [0n, 0n, 0n, 0]
        for (const i of dense.id.keys()) {
          id += dense.id[i]
          lat += dense.lat[i]
          lon += dense.lon[i]
          expect(String(stringtable.s[dense.keysVals[tag]])).to.equal('name')
          found.push({
            ...{ id, lat: (Number(lat) * granularity) / 1e9, lon: (Number(lon) * granularity) / 1e9 },
            name: String(stringtable.s[dense.keysVals[tag + 1]]),
          })
          tag += 3
        }
      }
    }
    expect(names).to.deep.equal([
      ['OSMHeader', 'OSMHeader'],
      ['OSMData', 'OSMData'],
    ])
    expect(found).to.deep.equal(NODES)
  })

  it('reads a file that we write', async () => {
    const strings = ['', 'name', ...NODES.map(({ name }) => name)].map((text) => Buffer.from(text))
    const nodes = NODES.map(({ id, lat, lon }, i) => ({
      ...{ id, keys: [1], vals: [i + 2], lat: Math.round(lat * 1e7), lon: Math.round(lon * 1e7) },
    }))
    const writer = new QbpWritable(protocol)
    const write = ($name: string, block: string, content: object) =>
      writer.write({ $name, raw: protocol.encode(block, content) })
    write('OSMHeader', 'HeaderBlock', { requiredFeatures: ['OsmSchema-V0.6'], writingprogram: 'qbp' })
    write('OSMData', 'PrimitiveBlock', { stringtable: { s: strings }, primitivegroup: [{ nodes }] })
    writer.end()
    const pbf = join(folder, 'ours.osm.pbf')
    writeFileSync(pbf, writer.read() as Buffer)
    const { stdout } = await run('osmium', ['cat', pbf, '-f', 'opl', '-o', '-'])
    const lines = stdout.trim().split('\n')
    expect(lines).to.have.length(NODES.length)
    for (const [i, { id, lat, lon }] of NODES.entries()) {
      expect(lines[i]).to.include(`n${id} `).and.to.include(` x${lon} y${lat}`)
    }
    expect(lines[1]).to.include('Tname=Sydney')
  })
})
