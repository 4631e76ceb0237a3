// A subclass of the user may have members of any name: none of them is mistaken for one of ours.

import { readdirSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { InProcessLock } from 'latchkey/distributed'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { usePostgres } from '../fixtures/postgres.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

/** What is documented, for callers and for subclasses that are engines. */
const DOCUMENTED = [
  'guarantees',
  'keyId',
  'acquireKey',
  'disconnect',
  'closed',
  'waiting',
  'acquire',
  'tryAcquire',
  'runExclusive',
  'close',
  'acquireKeys',
  'inspectKey',
  'offers',
  'capacity',
  'runShared',
  'acquireMany',
  'tryAcquireMany',
  'runExclusiveMany',
  'inspect',
  'holders'
]

/** Every name that our code reads of anything, and a few that it once did. */
const names = new Set(['options', 'label', 'source', 'line', 'queue', 'take', 'name', 'key', 'trust', 'lose'])
for (const path of readdirSync(fromRoot('src/engines'), { recursive: true, encoding: 'utf8' })) {
  if (!path.endsWith('.ts')) continue
  const text = readFileSync(fromRoot(`src/engines/${path}`), 'utf8')
  for (const [, name] of text.matchAll(/\.(\w+)/g)) names.add(name!)
  for (const [, name] of text.matchAll(/#(\w+)/g)) names.add(name!)
}
for (const name of DOCUMENTED) names.delete(name)

/** Gives a lock a member for each of these names, as a class of the user would. */
function occupy<L extends object>(lock: L): L {
  for (const name of names) Object.defineProperty(lock, name, { value: 7, writable: true, configurable: true })
  return lock
}

async function expectSound(one: InProcessLock | PostgresLock | RedisLock): Promise<void> {
  const lease = await one.acquire('key')
  const waiting = one.runExclusive('key', ({ held }) => held, { timeout: 10_000 })
  expect(await one.tryAcquire('key')).toBeUndefined()
  expect(one.waiting).toBe(1)
  await lease.release()
  expect(await waiting).toBe(true)
  await expect(one.acquire('key', { signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
  expect(() => one.acquire(7 as never)).toThrow(/Lock: key must be a string/)
  expect(inspect(one)).toMatch(/Lock { 0 keys }/)
  await one.close()
  await expect(one.acquire('key')).rejects.toThrow(/Lock: closed/)
}

test('there are such names', () => {
  expect(names.size).toBeGreaterThan(100)
})

test('InProcessLock', () => expectSound(occupy(new InProcessLock())))

describe('PostgresLock', () => {
  const server = usePostgres()
  test('works', () => expectSound(occupy(new PostgresLock(() => new pg.Client({ ...server })))))
})

describeRedis('RedisLock', () => {
  const server = useRedis()
  test('works', async () => {
    const client = server.connect()
    const subscriber = server.connect()
    await expectSound(occupy(new RedisLock(client, { subscriber })))
    await Promise.all([client.quit(), subscriber.quit()])
  })
})
