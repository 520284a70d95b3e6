'use strict'
// Another receiver and another sender of Standard Webhooks. Reads questions, a line of JSON each, and
// answers each with a line:
//   {secret, headers, body}       "good", or why that webhook is refused
//   {secret, id, seconds, body}   the signature that a sender makes
// The package knows v1 only; signatures of ed25519 are verified by node itself.

const crypto = require('crypto')
const { Webhook } = require('standardwebhooks')

const derOfEd25519 = Buffer.from('302a300506032b6570032100', 'hex')

function verifyEd25519(secret, headers, body) {
  const bytes = Buffer.from(secret.slice('whpk_'.length), 'base64')
  const key = crypto.createPublicKey({
    key: Buffer.concat([derOfEd25519, bytes]),
    format: 'der',
    type: 'spki',
  })
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const fits = headers['webhook-signature'].split(' ').some((one) => {
    const [version, signature] = one.split(',')
    const raw = Buffer.from(signature, 'base64')
    return version === 'v1a' && crypto.verify(null, Buffer.from(content), key, raw)
  })
  if (!fits) throw new Error('No matching signature found')
}

function answer({ secret, headers, body, id, seconds }) {
  if (!headers) return new Webhook(secret).sign(id, new Date(seconds * 1000), body)
  if (secret.startsWith('whpk_')) verifyEd25519(secret, headers, body)
  else new Webhook(secret).verify(body, headers, { jsonParse: false })
  return 'good'
}

for (const line of require('fs').readFileSync(0, 'utf8').split('\n')) {
  if (!line) continue
  try {
    console.log(answer(JSON.parse(line)))
  } catch (error) {
    console.log(`refused: ${error.message}`)
  }
}
