// From one process to several: managers in processes of their own that share a store, which excludes nothing, and a lock.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useProcesses, type Worker } from '../../fixtures/processes.js'
import { describeRedis, useRedis } from '../../fixtures/redis.js'
import type { VisitorSettings } from './visitor.js'

const start = useProcesses('test/adapters/session-manager/visitor.ts')
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-sessions-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const visitsOf = (id: string): number => JSON.parse(readFileSync(join(folder, `${id}.json`), 'utf8')).data.visits
const created = (): string[] => readFileSync(join(folder, 'created'), 'utf8').trim().split('\n').sort()

function proveBetweenProcesses(where: () => Omit<VisitorSettings, 'folder'>): void {
  const openBoth = () => Promise.all([1, 2].map(() => start({ folder, ...where() }))) as Promise<[Worker, Worker]>
  const ids = ['alice', 'bob']

  test('no update is lost, and no session is created twice', async () => {
    const both = await openBoth()
    await Promise.all(both.map(process => process.ask({ do: 'visit', ids, callers: 4, times: 10 }, 'done')))
    for (const id of ids) expect(visitsOf(id)).toBe(2 * 4 * 10)
    expect(created()).toEqual(ids)
    await Promise.all(both.map(process => process.ask({ do: 'close' }, 'closed')))
    for (const process of both) expect(await process.exit()).toBe(0)
  })

  test('a process that is killed takes no update of another with it, and no session', async () => {
    const [one, other] = await openBoth()
    one.say({ do: 'visit', ids, callers: 2, times: 1000 })
    other.say({ do: 'visit', ids, callers: 2, times: 10 })
    await one.hear('visited', ({ id }) => id === 'bob')
    await other.hear('visited', ({ id }) => id === 'bob')
    await one.end()
    await other.hear('done')
    // Each of the two callers that were killed may have made an update and not noted it.
    const noted = readFileSync(join(folder, 'visits'), 'utf8').trim().split('\n').length
    const made = visitsOf('alice') + visitsOf('bob')
    expect(made).toBeGreaterThanOrEqual(noted)
    expect(made).toBeLessThanOrEqual(noted + 2)
    expect(created()).toEqual(ids)
  })
}

describe('over a LocalLock', () => proveBetweenProcesses(() => ({ directory: join(folder, 'locks') })))

describeRedis('over a RedisLock', () => {
  const redis = useRedis()
  proveBetweenProcesses(() => ({ server: { host: redis.host, port: redis.port } }))
})
