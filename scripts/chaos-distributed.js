// npm run chaos:distributed: six processes that share keys, count them, take several and lead, on PostgreSQL and on Redis, while
// they are killed, stopped and continued: for longer than the tests have time.
//
//   npm run chaos:distributed -- --seconds 300 --seed 7
//   npm run chaos:distributed -- --faults restarts,replies
//
// restarts: the server is killed every few seconds, and starts again where it was. Redis keeps what it acknowledged (an append-only
// file, written at once); PostgreSQL forgets who held what, and for as long as a lease after that two may hold one key.
// replies: a proxy cuts connections instead of passing on an answer, keeps answers for up to a lease, and is silent for a while.

import { parseArgs } from 'node:util'
import { run } from './project.js'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    faults: { type: 'string', default: '' }
  }
})
process.env.CHAOS_SECONDS = flags.seconds
process.env.CHAOS_SEED = flags.seed
process.env.CHAOS_FAULTS = flags.faults
console.log(
  `seed ${flags.seed}, ${flags.seconds} s for each engine, faults: ${flags.faults || 'processes killed and stopped'}`
)
run('vitest', ['run', 'test/engines/family-processes.test.ts'])
