// Draws docs/assets/hub-timeline.svg: a ToolHub under load, as its monitor saw it. Run the build first.

import { writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { ToolHub } from 'latchkey/adapters/hub'
import { LockMonitor, renderTimeline } from 'latchkey/monitor'
import { fromRoot } from './project.js'

const monitor = new LockMonitor()

/**
 * @param {string} name
 * @param {number} ms how long it takes to list its tools
 */
const server = (name, ms) => {
  let lists = 0
  return {
    name,
    listTools: async () => {
      await pause(ms)
      lists++
      return {
        tools: ['search', 'read', `new-${lists}`].map(tool => ({ name: tool, inputSchema: { type: 'object' } }))
      }
    },
    callTool: async () => undefined
  }
}
const servers = [server('files', 15), server('web', 40), server('mail', 25), server('slow', 180), server('clock', 8)]

/** What exposes the tools takes its time as well, one tool after another. */
const registrar = {
  register: async () => {
    await pause(1)
    return { remove: () => pause(1) }
  }
}
const hub = new ToolHub({ observer: monitor, registrar })

await Promise.all(servers.map(source => hub.connect(source.name, source)))
for (let round = 0; round < 8; round++) {
  const id = servers[round % servers.length]?.name ?? ''
  for (let i = 0; i < 20; i++) hub.refresh(id).catch(() => {}) // a storm of notifications
  hub.refresh('slow', { signal: AbortSignal.timeout(30) }).catch(() => {}) // a caller in a hurry
  await pause(45)
}
await hub.close()

const title = 'A hub of five servers under load: one lane for each server, and one for what exposes the tools'
writeFileSync(fromRoot('docs/assets/hub-timeline.svg'), renderTimeline(monitor.timeline(), { title }))
console.log(monitor.report())
