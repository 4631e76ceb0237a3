// One of two processes between which a key is handed over. Told what to do by messages; tells when it was done.

import { contenders } from './distributed-peers.js'

const [engine = '', name = '', config = ''] = process.argv.slice(2)
const contender = await contenders[engine]?.[name]?.(JSON.parse(config))
const clock = () => Number(process.hrtime.bigint() / 1000n) / 1000

/** @type {(() => Promise<unknown>) | undefined} */
let release
process.on('message', async (/** @type {string} */ what) => {
  if (what === 'acquire') {
    release = await contender?.acquire('handed over')
    process.send?.({ at: clock() })
  } else {
    const at = clock()
    await release?.()
    process.send?.({ at })
  }
})
process.send?.('ready')
