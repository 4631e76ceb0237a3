// Fencing tokens over crashes of the server: each later holder has a greater one.

import type { Lease } from 'latchkey/distributed'
import { PostgresLock, type PostgresLockOptions } from 'latchkey/postgres'
import pg from 'pg'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeAll } from '../fixtures/closing.js'
import { type ControlledPostgres, usePostgres } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'

/** Tokens drawn from the number of a transaction were not greater in 39 of 40 such crashes: a few rounds tell. */
const ROUNDS = 6

const server = usePostgres()
const locks: PostgresLock[] = []
const open = (options?: PostgresLockOptions) => {
  const lock = new PostgresLock(() => new pg.Client({ ...server }), options)
  locks.push(lock)
  return lock
}
afterEach(context => closeAll(context, locks))

const pidOf = ({ owner }: Lease): number => Number(/server process (\d+)$/.exec(owner)?.[1])

/** One backend that is killed takes all others with it: the server goes through recovery. */
async function killBackend(_: ControlledPostgres, lease: Lease): Promise<void> {
  process.kill(pidOf(lease), 'SIGKILL')
}
async function stopAtOnce(server: ControlledPostgres): Promise<void> {
  await server.crash()
}

/** How many of the tokens after a crash were not greater than the one before it. */
async function countNotGreater(crash: typeof killBackend, options?: PostgresLockOptions, rounds = ROUNDS) {
  const lock = open(options)
  let notGreater = 0
  for (let round = 0; round < rounds; round++) {
    const before = await lock.acquire('key')
    await crash(server, before)
    await before.release()
    // The server refuses connections while it recovers.
    const after = await eventually(
      () => lock.acquire('key').catch(() => undefined),
      lease => lease !== undefined
    )
    expect(typeof before.token).toBe('bigint')
    if (!(after!.token! > before.token!)) notGreater++
    await after!.release()
  }
  return notGreater
}

describe.each([
  ['a backend that is killed', killBackend],
  ['a server that is stopped at once', stopAtOnce]
])('%s', (_, crash) => {
  test(`${ROUNDS} times: every next token is greater`, async () => {
    expect(await countNotGreater(crash)).toBe(0)
  }, 180_000)
})

describe('a sequence', () => {
  beforeAll(async () => {
    const admin = new pg.Client({ ...server })
    await admin.connect()
    await admin.query('create sequence latchkey_tokens')
    await admin.end()
  })

  test('gives tokens that grow over crashes', async () => {
    expect(await countNotGreater(stopAtOnce, { tokenSequence: 'latchkey_tokens' }, 3)).toBe(0)
  }, 180_000)

  test('is drawn from by waiters too', async () => {
    const [one, other] = [open({ tokenSequence: 'latchkey_tokens' }), open({ tokenSequence: 'latchkey_tokens' })]
    const lease = await one.acquire('key')
    const waiting = other.acquire('key')
    await lease.release()
    const next = await waiting
    expect(next.token).toBe(lease.token! + 1n)
    await next.release()
  })

  test('that is not there is named, and no lock is left', async () => {
    const lock = open({ tokenSequence: 'no_such_sequence' })
    await expect(lock.acquire('key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_FAILED',
      message: expect.stringContaining('no_such_sequence')
    })
    await (await open().acquire('key', { timeout: 0 })).release()
  })

  test('that may not be used is named, and no lock is left', async () => {
    const admin = new pg.Client({ ...server })
    await admin.connect()
    await admin.query("create role poor login password 'secret'")
    const lock = new PostgresLock(() => new pg.Client({ ...server, user: 'poor' }), {
      tokenSequence: 'latchkey_tokens'
    })
    locks.push(lock)
    await expect(lock.tryAcquire('key')).rejects.toMatchObject({
      code: 'ERR_ENGINE_FAILED',
      message: expect.stringContaining('permission denied for sequence latchkey_tokens')
    })
    const { rows } = await admin.query("select * from pg_locks where locktype = 'advisory'")
    expect(rows).toEqual([])
    await admin.end()
  })

  test('misuse', () => {
    for (const tokenSequence of ['', 'a\0b', 7 as never])
      expect(() => open({ tokenSequence })).toThrow(/options.tokenSequence must be the name of a sequence/)
  })
})

test('a token is the time of the server, so it is greater than any number of a transaction', async () => {
  const lease = await open().acquire('key')
  const age = BigInt(Date.now()) * 1000n - lease.token!
  expect(age < 180_000_000n && age > -180_000_000n).toBe(true)
  await lease.release()
})
