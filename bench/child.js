// Runs one experiment in a fresh process, so that no row inherits the heap or the type feedback of the rows before it and
// `--only` gives the figures that the whole run gives. run.js starts it: it says what to do, this answers in messages.

import { conduct } from './harness.js'

/**
 * @typedef {{ file: string, experiment: number, ids: string[], effort: import('./harness.js').Effort }} Order
 * @typedef {{ row: string, done: number, total: number } | { results: import('./harness.js').Result[] }} Answer
 */

process.once('message', async (/** @type {Order} */ { file, experiment, ids, effort }) => {
  const say = (/** @type {Answer} */ answer) => process.send?.(answer)
  const onRound = (/** @type {import('./harness.js').Row} */ { name }, done, total) => say({ row: name, done, total })
  // That file alone: a process that times nothing but free locks need not load a bundler.
  const { experiments } = await import(`./${file}`)
  say({ results: await conduct(experiments[experiment], { ...effort, onRound }, ({ id }) => ids.includes(id)) })
  process.disconnect()
})
