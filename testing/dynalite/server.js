'use strict'
// Runs dynalite, in memory, on a free port of 127.0.0.1, prints the port, and ends with the
// process that started it.

const crypto = require('crypto')
const dynalite = require('dynalite')

// dynalite tells index rows with the same index key apart by six digits of a hash of the item's
// key, so of some thousand tasks due at one time two could share a row, and one be lost from
// the index. Here it gets the whole hash.
const createHash = crypto.createHash
crypto.createHash = (name, ...rest) => {
  const hash = createHash(name, ...rest)
  if (name !== 'md5') return hash
  const digest = hash.digest.bind(hash)
  hash.digest = (encoding) => {
    const whole = digest(encoding)
    return { slice: () => whole }
  }
  return hash
}

const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })

// dynalite throws, and so ends, when a client goes away before its answer; clients that do are
// what some tests are about. (Its handler ran first, so this takes its listener off.)
server.on('request', (request) => {
  request.removeAllListeners('error')
  request.on('error', () => {})
})
server.keepAliveTimeout = 0 // idle connections stay open

const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(0)
}, 1000)

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(server.address().port)
})
