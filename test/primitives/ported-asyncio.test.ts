// Scenarios from CPython, Lib/test/test_asyncio/test_locks.py: races of cancellation and wake-up that asyncio got wrong
// once. Each test names its model and, where there is one, the issue; the code is ours. What a cancelled task is there is
// an aborted signal here.

import { Condition, Mutex, type Permit, Semaphore } from 'latchkey'
import { describe, expect, test } from 'vitest'
import { expectNoLeftovers } from '../fixtures/leftovers.js'
import { flush, watch } from '../fixtures/settle.js'

expectNoLeftovers()

describe('Lock', () => {
  // LockTests.test_cancel_race (bpo-27585): the first two who wait give up, the third must get the lock all the same.
  test('those at the head give up in one go with the release: the next one has the lock', async () => {
    const mutex = new Mutex()
    const holder = await mutex.acquire()
    const controllers = [new AbortController(), new AbortController()]
    const leaving = controllers.map(({ signal }) => watch(mutex.acquire({ signal })))
    const staying = watch(mutex.acquire())
    controllers[0]!.abort('gone')
    holder.release()
    controllers[1]!.abort('too late: it holds the lock')
    await flush()
    expect(leaving.map(({ state }) => state)).toEqual(['rejected', 'resolved'])
    expect(staying.state).toBe('pending')
    leaving[1]!.value!.release()
    await flush()
    expect(staying.state).toBe('resolved')
  })

  // LockTests.test_cancel_release_race (bpo-32734): a task is cancelled between the wake-up and its turn.
  test('an abort between hand-off and turn: the task does not run, and the lock is not lost', async () => {
    const mutex = new Mutex()
    const holder = await mutex.acquire()
    const controller = new AbortController()
    const ran: string[] = []
    const first = watch(mutex.runExclusive(() => ran.push('first'), { signal: controller.signal }))
    const second = watch(mutex.runExclusive(() => ran.push('second')))
    holder.release()
    controller.abort('cancelled')
    expect(mutex.locked).toBe(true)
    await flush()
    expect([first.reason, second.state, ran, mutex.locked]).toEqual(['cancelled', 'resolved', ['second'], false])
  })
})

describe('Condition', () => {
  // ConditionTests.test_wait_cancel_contested (bpo-22970): cancelled while somebody else has the lock.
  test('whoever gives up amid contention is told only when the lock is its own again, after those before it', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const lock = await mutex.acquire()
    const controller = new AbortController()
    const waiting = watch(condition.wait(lock, { signal: controller.signal }))
    const holder = await mutex.acquire()
    const before = watch(mutex.acquire())
    controller.abort('cancelled')
    await flush()
    expect([waiting.state, mutex.waiting]).toEqual(['pending', 2])
    holder.release()
    await flush()
    expect([waiting.state, lock.held]).toEqual(['pending', false])
    before.value!.release()
    await flush()
    expect([waiting.reason, lock.held]).toEqual(['cancelled', true])
  })

  // ConditionTests.test_wait_cancel_after_notify (bpo-32841), test_cancelled_error_re_aquire (gh-112202): cancelled while
  // it takes the lock again. There the cancellation counts; here the notification, which came first, does.
  test('an abort of who takes the lock again changes nothing: it was notified, and looks under the lock', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const lock = await mutex.acquire()
    const controller = new AbortController()
    let wake = false
    const waiting = watch(condition.waitFor(lock, () => wake, { signal: controller.signal }))
    await flush()
    const holder = await mutex.acquire()
    wake = true
    condition.notify()
    await flush()
    controller.abort('cancelled')
    await flush()
    expect([waiting.state, lock.held]).toEqual(['pending', false])
    holder.release()
    await flush()
    expect([waiting.state, lock.held]).toEqual(['resolved', true])
  })

  // ConditionTests.test_cancelled_error_wakeup (gh-112202): the error is the same object that the task was cancelled with.
  test('the reason of an abort comes out of waitFor unchanged', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const lock = await mutex.acquire()
    const controller = new AbortController()
    const waiting = watch(condition.waitFor(lock, () => false, { signal: controller.signal }))
    await flush()
    const reason = new Error('cancelled')
    controller.abort(reason)
    await flush()
    expect(waiting.reason).toBe(reason)
  })

  // ConditionTests.test_cancelled_wakeup (gh-112202): of five consumers one is cancelled as it is woken; as many as there
  // are items must be served.
  test('a consumer that gives up as it is woken costs no other consumer its item', async () => {
    const mutex = new Mutex()
    const condition = new Condition(mutex)
    const controllers = Array.from({ length: 5 }, () => new AbortController())
    let items = 0
    const consumers = controllers.map(({ signal }) =>
      watch(
        mutex.runExclusive(async lock => {
          await condition.waitFor(lock, () => items > 0, { signal })
          items--
        })
      )
    )
    await flush()
    await mutex.runExclusive(() => {
      items = 4
      controllers[1]!.abort('before the notification')
      condition.notify(4)
      controllers[2]!.abort('after it')
    })
    await flush()
    const states = consumers.map(({ state }) => state)
    expect(states).toEqual(['resolved', 'rejected', 'resolved', 'resolved', 'resolved'])
    expect([items, condition.waiting, mutex.locked]).toEqual([0, 0, false])
  })
})

describe('Semaphore', () => {
  // SemaphoreTests.test_acquire_cancel_before_awoken: four wait, the first two are cancelled right after two releases.
  test('two come back and two give up in one tick: the permits are not lost', async () => {
    const semaphore = new Semaphore(2)
    const permits = await Promise.all([semaphore.acquire(), semaphore.acquire()])
    const controllers = [new AbortController(), new AbortController()]
    const ran: number[] = []
    const waiters = [0, 1, 2, 3].map(n => watch(semaphore.run(() => ran.push(n), { signal: controllers[n]?.signal })))
    for (const permit of permits) permit.release()
    for (const controller of controllers) controller.abort('cancelled')
    await flush()
    expect(waiters.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'resolved', 'resolved'])
    expect([ran, semaphore.available]).toEqual([[2, 3], 2])
  })

  // SemaphoreTests.test_acquire_no_hang (gh-90155): one that was woken is cancelled before it runs, and another comes then.
  test('one that is cancelled after its grant, and one that comes later: nobody hangs', async () => {
    const semaphore = new Semaphore(1)
    const permit = await semaphore.acquire()
    const controller = new AbortController()
    const first = watch(semaphore.run(() => 'first', { signal: controller.signal }))
    const second = watch(semaphore.run(() => 'second'))
    permit.release()
    controller.abort('cancelled')
    const third = watch(semaphore.run(() => 'third'))
    await flush()
    expect([first.reason, second.value, third.value, semaphore.available]).toEqual(['cancelled', 'second', 'third', 1])
  })

  // SemaphoreTests.test_acquire_fifo_order_2 (bpo-45997): who releases and comes again does not barge past who waits.
  test('whoever gives back and asks again in one tick goes behind those who wait', async () => {
    const semaphore = new Semaphore(1)
    const first = await semaphore.acquire()
    const order: string[] = []
    const again = semaphore.acquire().then(async permit => {
      order.push('second')
      permit.release()
      const later = await semaphore.acquire()
      order.push('second again')
      later.release()
    })
    const third = semaphore.acquire().then(permit => {
      order.push('third')
      permit.release()
    })
    first.release()
    await Promise.all([again, third])
    expect(order).toEqual(['second', 'third', 'second again'])
  })

  // SemaphoreTests.test_acquire_fifo_order_4 (gh-111693): several are released and one is cancelled; all that are free
  // must be given out, though the first acquire after the cancellation needs no waiting.
  test('what was freed is given out in full when one of those it went to turns it down', async () => {
    const semaphore = new Semaphore(3)
    const all = await semaphore.acquire({ permits: 3 })
    const controller = new AbortController()
    const held: Permit[] = []
    const waiters = [undefined, controller.signal, undefined, undefined].map(signal =>
      watch(semaphore.run(permit => held.push(permit) && new Promise(() => {}), { signal }))
    )
    all.release()
    controller.abort('cancelled')
    await flush()
    expect(waiters.map(({ state }) => state)).toEqual(['pending', 'rejected', 'pending', 'pending'])
    expect([held.length, semaphore.available, semaphore.waiting]).toEqual([3, 0, 0])
  })
})
