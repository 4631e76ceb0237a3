// What a WaiterQueue does, as examples.

import { inspect } from 'node:util'
import { type LockRequest, LockTimeoutError, QueueFullError, WaiterQueue } from 'latchkey'
import { afterEach, expect, test, vi } from 'vitest'
import { flush, watch } from '../fixtures/settle.js'

afterEach(() => {
  vi.useRealTimers()
})

test('grant gives to the first who waits, and says so', async () => {
  const queue = new WaiterQueue<string>({ name: 'turnstile' })
  expect(queue.grant('nobody')).toBe(false)
  const waiters = [queue.wait(), queue.wait({ priority: 1 }), queue.wait()]
  expect(queue.size).toBe(3)
  expect(inspect(queue)).toBe('WaiterQueue "turnstile" { 3 waiting }')
  for (const value of ['x', 'y', 'z']) expect(queue.grant(value)).toBe(true)
  expect(await Promise.all(waiters)).toEqual(['y', 'x', 'z'])
  expect([queue.size, queue.grant('late')]).toEqual([0, false])
})

test('rejectAll rejects everybody with the reason, in order, and says how many', async () => {
  const queue = new WaiterQueue<void>()
  const order: number[] = []
  const signal = new AbortController().signal
  const waiters = [queue.wait(), queue.wait({ signal }), queue.wait()]
  const settled = Promise.allSettled(waiters.map((waiter, n) => waiter.finally(() => order.push(n))))
  expect(queue.rejectAll('why')).toBe(3)
  expect(queue.rejectAll('again')).toBe(0)
  expect(await settled).toEqual(waiters.map(() => ({ status: 'rejected', reason: 'why' })))
  expect(order).toEqual([0, 1, 2])
})

test('onLeave is called after an abort or a timeout, never after grant or rejectAll', async () => {
  vi.useFakeTimers()
  const sizes: number[] = []
  const queue: WaiterQueue<void> = new WaiterQueue<void>({ onLeave: () => sizes.push(queue.size) })
  const controller = new AbortController()
  const waiters = [queue.wait({ signal: controller.signal }), queue.wait({ timeout: 10 }), queue.wait(), queue.wait()]
  const settled = Promise.allSettled(waiters)
  controller.abort()
  expect(sizes).toEqual([3])
  await vi.advanceTimersByTimeAsync(10)
  expect(sizes).toEqual([3, 2])
  queue.grant()
  queue.rejectAll('rest')
  await settled
  expect(sizes).toEqual([3, 2])
})

test('the line may be limited and named; state errors reject', async () => {
  const queue = new WaiterQueue<void>({ name: 'n', maxWaiting: 1 })
  void queue.wait().catch(() => {})
  await expect(queue.wait()).rejects.toThrow(QueueFullError)
  await expect(queue.wait({ timeout: 0 })).rejects.toThrow(LockTimeoutError)
  await expect(queue.wait({ signal: AbortSignal.abort('r') })).rejects.toBe('r')
  expect(queue.size).toBe(1)
  queue.rejectAll('done')
})

test('one platform listener for each signal, and none when the last waiter has gone (G5)', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const add = vi.spyOn(signal, 'addEventListener')
  const remove = vi.spyOn(signal, 'removeEventListener')
  const queues = [new WaiterQueue<number>(), new WaiterQueue<number>()]
  const waiters = queues.flatMap(queue => [queue.wait({ signal }), queue.wait({ signal })])
  expect(add).toHaveBeenCalledTimes(1)
  for (const queue of queues) queue.grant(1)
  expect(remove).not.toHaveBeenCalled()
  for (const queue of queues) queue.grant(2)
  expect(remove).toHaveBeenCalledTimes(1)
  expect(await Promise.all(waiters)).toEqual([1, 2, 1, 2])
  const again = watch(queues[0]?.wait({ signal }) as Promise<number>)
  expect(add).toHaveBeenCalledTimes(2)
  controller.abort('end')
  await flush()
  expect(again.reason).toBe('end')
  expect(remove).toHaveBeenCalledTimes(2)
})

test('priorities: many lanes, entered and left in any order', async () => {
  const queue = new WaiterQueue<number>()
  const priorities = [3, -1, 0, 7, 3, 0.5, -1, 7, 0]
  const controllers = priorities.map(() => new AbortController())
  const granted: number[] = []
  const waiters = priorities.map((priority, n) =>
    queue.wait({ priority, signal: (controllers[n] as AbortController).signal }).then(
      () => granted.push(n),
      () => {}
    )
  )
  controllers[3]?.abort()
  controllers[5]?.abort()
  controllers[2]?.abort()
  for (let turn = 0; queue.grant(turn); turn++);
  await Promise.all(waiters)
  expect(granted).toEqual([7, 0, 4, 8, 1, 6])
})

test('priorities: forty at once, some of which leave, are granted from the highest to the lowest', async () => {
  for (const step of [1, 3, 7, 11, 23, 39]) {
    const queue = new WaiterQueue<number>()
    const granted: number[] = []
    const waiters = Array.from({ length: 41 }, (_, n) => {
      const priority = ((n * step) % 41) - 20
      const controller = new AbortController()
      const waiting = queue.wait({ priority, signal: controller.signal }).then(
        () => granted.push(priority),
        () => {}
      )
      return { priority, controller, waiting }
    })
    const stays = (priority: number) => priority % 3 !== 0
    for (const { priority, controller } of waiters) if (!stays(priority)) controller.abort()
    while (queue.grant(0)) {}
    await Promise.all(waiters.map(({ waiting }) => waiting))
    expect(granted).toEqual(Array.from({ length: 41 }, (_, n) => 20 - n).filter(stays))
  }
})

test('an observer of a queue is told of the queue, and of no keys', async () => {
  const queued = vi.fn()
  const queue = new WaiterQueue<number>({ observer: { queued } })
  const waiter = queue.wait()
  const [request] = queued.mock.calls[0] as [LockRequest]
  expect([request.source, request.keys]).toEqual([queue, []])
  queue.grant(1)
  await waiter
})
