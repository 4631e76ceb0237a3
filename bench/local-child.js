// One of several processes of the benchmark of locks between processes.

import { contenders } from './local-peers.js'

const [name = '', folder = ''] = process.argv.slice(2)
const contender = contenders[name]?.(folder)
/** Of all processes the same clock, in ms. */
const clock = () => Number(process.hrtime.bigint() / 1000n) / 1000
/** @type {import('./local-peers.js').Release | undefined} */
let release

/** @type {Record<string, (message: any) => unknown>} */
const commands = {
  async acquire() {
    release = await contender?.acquire()
    return clock()
  },
  async release() {
    const at = clock()
    await release?.()
    return at
  },
  /** Takes it again and again until `until`: when each section began. */
  async run({ until }) {
    /** @type {number[]} */
    const sections = []
    while (clock() < until) {
      const release = await contender?.acquire()
      sections.push(clock())
      await release?.()
    }
    return sections
  },
  cpu() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
}

process.on('message', async (/** @type {{ do: string }} */ message) => {
  process.send?.({ did: message.do, value: await commands[message.do]?.(message) })
})
process.send?.({ did: 'ready' })
