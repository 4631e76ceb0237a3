// npm run chaos:distributed: six processes that share keys, count them, take several and lead, on PostgreSQL and on Redis, while
// they are killed, stopped and continued: for longer than the tests have time.
//
//   npm run chaos:distributed -- --seconds 300 --seed 7

import { parseArgs } from 'node:util'
import { run } from './project.js'

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '120' }, seed: { type: 'string', default: String(Date.now() % 1e6) } }
})
process.env.CHAOS_SECONDS = flags.seconds
process.env.CHAOS_SEED = flags.seed
console.log(`seed ${flags.seed}, ${flags.seconds} s for each engine`)
run('vitest', ['run', 'test/engines/family-processes.test.ts'])
