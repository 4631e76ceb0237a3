import {
  Barrier,
  BrokenBarrierError,
  DeadlockError,
  Latch,
  LeaseLostError,
  LockCancelledError,
  LockClosedError,
  LockTimeoutError,
  Pool,
  QueueFullError,
  Semaphore
} from 'latchkey'
import { expect, test } from 'vitest'

test.each([
  [LockTimeoutError, 'TimeoutError', 'ERR_LOCK_TIMEOUT'],
  [LockCancelledError, 'LockCancelledError', 'ERR_LOCK_CANCELLED'],
  [LockClosedError, 'LockClosedError', 'ERR_LOCK_CLOSED'],
  [QueueFullError, 'QueueFullError', 'ERR_QUEUE_FULL'],
  [BrokenBarrierError, 'BrokenBarrierError', 'ERR_BARRIER_BROKEN'],
  [DeadlockError, 'DeadlockError', 'ERR_DEADLOCK'],
  [LeaseLostError, 'LeaseLostError', 'ERR_LEASE_LOST']
] as const)('(%#) an Error with a stable code and a stack that starts with both', (ErrorClass, name, code) => {
  const cause = new Error('cause')
  const error = new ErrorClass('what to do', { cause })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ name, code, message: 'what to do', cause })
  expect(error.stack).toMatch(new RegExp(`^${name}: what to do\\n`))
  expect(String(error)).toBe(`${name}: what to do`)
})

test.each([
  [() => new Latch(-1), 'Latch: count must be a whole number >= 0, got -1'],
  [() => new Barrier(0.5), 'Barrier: parties must be a whole number >= 1, got 0.5'],
  [() => new Semaphore(0), 'Semaphore: permits must be a whole number >= 1 or Infinity, got 0'],
  [() => new Semaphore(3).tryAcquire(4), 'Semaphore: permits must be a whole number from 1 to 3, the capacity, got 4'],
  [() => new Semaphore(3).tryAcquire(3)?.split(3), 'Semaphore: n must be a whole number from 1 to 2, got 3'],
  [
    () => new Pool({ create: () => ({}), min: 3, max: 2 }),
    'Pool: options.min must be a whole number from 0 to 2, got 3'
  ]
])('(%#) a number out of range is told what the range is', (call, message) => {
  expect(call).toThrow(new RangeError(message))
})
