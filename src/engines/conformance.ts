// What every `KeyedLock` has to do, as checks that need no test runner: for `latchkey`'s own engines and for yours.
//
// A *client* is what one process has: a lock object of its own, on the engine that all clients share. The checks tell
// clients what to do and look at what they see; they wait for events and never for time to pass.
//
// Here are the checks of one key that is held alone; those of modes, capacity, many keys and inspection are beside it.

import type { KeyedLockCheck, LockClient, OpenLockClient } from './conformance-check.js'
import { begun, check, codeOf, expect, expectFree, expectTaken, rejectionOf } from './conformance-check.js'
import { familyChecks } from './conformance-family.js'
import type { KeyedLock, Lease, WaitOptions } from './contract.js'

const ODD_KEYS = [
  '',
  ' ',
  '{',
  '}',
  '{a}',
  '}{',
  '%',
  '%7b',
  'a:b',
  'a b',
  'a\0b',
  'ä',
  '\u{1f511}',
  '\ud800',
  '\udc00'
]

const keyChecks: readonly KeyedLockCheck[] = [
  check('a free key is granted, and is free again after its release', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const lease = await one.acquire(key)
    expect(lease.key === key, `the lease is for ${JSON.stringify(lease.key)}`)
    expect(typeof lease.owner === 'string' && lease.owner !== '', 'the lease names no owner')
    expect(lease.held, 'the lease is not held')
    expect(!lease.signal.aborted, 'the signal of a fresh lease has aborted')
    await expectTaken(one, key)
    await expectTaken(other, key)
    await lease.release()
    expect(!lease.held, 'the lease is held after its release')
    expect(!lease.signal.aborted, 'a release aborted the signal')
    await expectFree(other, key)
    await expectFree(one, key)
  }),

  check('a second release frees no other holder', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const lease = await one.acquire(key)
    await lease.release()
    const next = await other.acquire(key)
    await lease.release()
    await lease[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]()
    await expectTaken(one, key)
    expect(next.held, 'the next holder lost the key')
    await next.release()
    await expectFree(one, key)
  }),

  check('keys do not exclude each other, whatever is in them', async client => {
    const [one, other] = [await client(), await client()]
    const keys = [...ODD_KEYS, 'k'.repeat(10_000)].map(odd => `check${odd}`)
    const leases: Lease[] = []
    for (const key of keys) leases.push(await one.acquire(key, { timeout: 10_000 }))
    for (const key of keys) await expectTaken(other, key)
    await Promise.all(leases.map(lease => lease.release()))
    for (const key of keys) await expectFree(other, key)
  }),

  check('clients never hold one key at the same time', async (client, key) => {
    const clients = [await client(), await client(), await client()]
    let count = 0
    let inside = 0
    const increment = (lock: KeyedLock) =>
      lock.runExclusive(key, async () => {
        expect(++inside === 1, 'two tasks ran at the same time')
        const seen = count
        await new Promise<void>(resolve => setTimeout(resolve, 0))
        count = seen + 1
        inside--
      })
    await Promise.all(clients.flatMap(lock => Array.from({ length: 20 }, () => increment(lock))))
    expect(count === 60, `60 increments gave ${count}`)
  }),

  check(
    'callers of one client are served in order of arrival, or the lock says that they are not',
    async (client, key) => {
      const lock = await client()
      const served: number[] = []
      const callers = Array.from({ length: 50 }, (_, i) => lock.runExclusive(key, () => void served.push(i)))
      await Promise.all(callers)
      expect(new Set(served).size === 50, `they were served as ${served.join(' ')}`)
      const inOrder = served.every((caller, i) => caller === i)
      expect(inOrder || lock.guarantees?.fifo === false, `they were served as ${served.join(' ')}`)
    }
  ),

  check('a waiter gets the key when another client releases it', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const lease = await one.acquire(key)
    const waiting = begun(other.acquire(key))
    await expectTaken(one, key)
    await lease.release()
    const next = await waiting
    expect(next.held, 'the waiter was granted what it does not hold')
    await next.release()
  }),

  check('tokens grow from holder to holder, if there are any', async (client, key) => {
    const clients = [await client(), await client()]
    let last: bigint | undefined
    for (let i = 0; i < 20; i++) {
      const lease = await (clients[i % 2] as LockClient).acquire(key)
      const { token } = lease
      await lease.release()
      if (i > 0) expect((token === undefined) === (last === undefined), 'some leases have a token and some have none')
      if (token !== undefined && last !== undefined) expect(token > last, `the token after ${last} was ${token}`)
      last = token
    }
  }),

  check('a signal that has aborted takes nothing', async (client, key) => {
    const lock = await client()
    const reason = { why: 'enough' }
    const signal = AbortSignal.abort(reason)
    expect((await rejectionOf(lock.acquire(key, { signal }))) === reason, 'it rejected with something else')
    const started = lock.runExclusive(key, () => Promise.reject(new Error('the task was started')), { signal })
    expect((await rejectionOf(started)) === reason, 'runExclusive rejected with something else')
    await expectFree(lock, key)
  }),

  check(
    'a waiter that gives up is rejected with the reason of its signal, and holds up no other',
    async (client, key) => {
      const [one, other] = [await client(), await client()]
      const lease = await one.acquire(key)
      const behind: Promise<void>[] = []
      for (const lock of [one, other]) {
        const abort = new AbortController()
        const waiting = begun(lock.acquire(key, { signal: abort.signal }))
        behind.push(begun(lock.acquire(key).then(next => next.release())))
        await expectTaken(lock, key)
        const reason = { why: 'enough' }
        abort.abort(reason)
        expect((await rejectionOf(waiting)) === reason, 'it rejected with something else')
      }
      await lease.release()
      // In any order: which client is next is for the engine to say.
      await Promise.all(behind)
      await expectFree(one, key)
    }
  ),

  check('a timeout ends the wait with a LockTimeoutError', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const lease = await one.acquire(key)
    for (const lock of [one, other]) {
      for (const timeout of [0, 20]) {
        const error = await rejectionOf(lock.acquire(key, { timeout }))
        expect(codeOf(error) === 'ERR_LOCK_TIMEOUT', `timeout ${timeout} rejected with ${String(error)}`)
      }
    }
    await lease.release()
    // The callers that gave up may still be leaving; after that it is free.
    await (await other.acquire(key, { timeout: 10_000 })).release()
    await (await one.acquire(key, { timeout: 10_000 })).release()
    await (await one.acquire(`${key}, free`, { timeout: 0 })).release()
  }),

  check('many that give up at any time leave nothing behind', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const attempts = Array.from({ length: 60 }, async (_, i) => {
      const abort = new AbortController()
      const waiting = begun((i % 2 ? one : other).acquire(key, { signal: abort.signal }))
      // A different number of turns for each: before, while and after it is granted.
      for (let turn = 0; turn < i; turn++) await new Promise<void>(resolve => setTimeout(resolve, 0))
      abort.abort('enough')
      await waiting.then(
        lease => lease.release(),
        (reason: unknown) => expect(reason === 'enough', `it rejected with ${String(reason)}`)
      )
    })
    await Promise.all(attempts)
    await (await one.acquire(key, { timeout: 10_000 })).release()
    await (await other.acquire(key, { timeout: 10_000 })).release()
  }),

  check('runExclusive settles as its task does, with the key free again', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const error = new Error('from the task')
    const endings: [task: (lease: Lease) => unknown, ends: unknown][] = [
      [() => 7, undefined],
      [() => Promise.resolve(7), undefined],
      [() => Promise.reject(error), error],
      [
        () => {
          throw error
        },
        error
      ]
    ]
    for (const [task, failure] of endings) {
      const ending = one.runExclusive(key, task)
      if (failure === undefined) expect((await ending) === 7, 'it resolved to something else')
      else expect((await rejectionOf(ending)) === failure, 'it rejected with something else')
      await expectFree(other, key)
    }
    await one.runExclusive(key, async lease => {
      await lease.release()
      await expectFree(other, key)
    })
  }),

  check('a hundred callers of each of two clients are all served', async (client, key) => {
    const clients = [await client(), await client()]
    let served = 0
    const call = (lock: KeyedLock) => lock.runExclusive(key, () => void served++)
    await Promise.all(clients.flatMap(lock => Array.from({ length: 100 }, () => call(lock))))
    expect(served === 200, `${served} of 200 were served`)
  }),

  check('misuse throws at the call', async (client, key) => {
    const lock = await client()
    const wrong: (() => unknown)[] = [
      () => lock.acquire(7 as never),
      () => lock.tryAcquire(undefined as never),
      () => lock.acquire(key, { timeout: -1 }),
      () => lock.acquire(key, { signal: 'now' } as unknown as WaitOptions),
      () => lock.runExclusive(key, 'task' as never)
    ]
    for (const [i, call] of wrong.entries()) {
      let thrown: unknown
      try {
        // What comes back settles later: too late for the line that made the mistake.
        Promise.resolve(call()).catch(() => {})
      } catch (error) {
        thrown = error
      }
      expect(thrown instanceof TypeError || thrown instanceof RangeError, `misuse ${i} gave ${String(thrown)}`)
    }
    await expectFree(lock, key)
  })
]

/** All checks. Run each with what your test runner has for that, or all by `checkKeyedLock`. */
export const keyedLockChecks: readonly KeyedLockCheck[] = [...keyChecks, ...familyChecks]

/** Some checks failed. `errors` has one for each, its name in its text. */
export class KeyedLockCheckError extends AggregateError {
  /** Its own name. */
  override get name(): 'KeyedLockCheckError' {
    return 'KeyedLockCheckError'
  }
}

/**
 * Holds a lock to all checks, one after another. Resolves to the names of those that ran, which are all but those of what
 * the lock does not offer (`offers`); rejects with a `KeyedLockCheckError` that tells which failed and how. It needs no test
 * runner.
 *
 * @param open makes a client; see `OpenLockClient`
 * @param timeLimit how long one check may take, in ms: for locks that hang
 *
 * @example
 * ```ts
 * import { KeyedMutex } from 'latchkey'
 * import { checkKeyedLock, InProcessLock } from 'latchkey/distributed'
 *
 * const mutex = new KeyedMutex<string>() // what all clients share
 * const passed = await checkKeyedLock(() => new InProcessLock({ mutex }))
 * console.log(passed[0]) // → a free key is granted, and is free again after its release
 * ```
 */
export async function checkKeyedLock(open: OpenLockClient, timeLimit = 20_000): Promise<string[]> {
  const errors: Error[] = []
  const names: string[] = []
  for (const { name, run } of keyedLockChecks) {
    let timer: ReturnType<typeof setTimeout> | undefined
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`still running after ${timeLimit} ms`)), timeLimit)
    })
    try {
      if ((await Promise.race([run(open), tooLong])) === undefined) names.push(name)
    } catch (cause) {
      errors.push(new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause }))
    }
    clearTimeout(timer)
  }
  if (errors.length === 0) return names
  const text = errors.map(({ message }) => `\n  ${message}`).join('')
  throw new KeyedLockCheckError(errors, `${errors.length} of ${keyedLockChecks.length} checks failed:${text}`)
}
