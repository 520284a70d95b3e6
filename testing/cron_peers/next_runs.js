'use strict'
// Reads questions, a line each: a package, an expression of cron, a time zone, a moment and how many
// times behind it are wanted, with tabs between them. Answers each with a line of those times.

const { Cron } = require('croner')
const { CronosExpression } = require('cronosjs')

const peers = {
  croner: (expression, timezone, from, count) =>
    new Cron(expression, { timezone }).nextRuns(count, from),
  cronosjs: (expression, timezone, from, count) =>
    CronosExpression.parse(expression, { timezone }).nextNDates(from, count),
}

for (const line of require('fs').readFileSync(0, 'utf8').split('\n')) {
  if (!line) continue
  const [peer, expression, zone, from, count] = line.split('\t')
  try {
    const times = peers[peer](expression, zone, new Date(from), Number(count))
    console.log(times.map((time) => time.toISOString()).join(' '))
  } catch (error) {
    console.log(`refused: ${error.message}`)
  }
}
