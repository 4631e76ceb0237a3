import {
  BrokenBarrierError,
  DeadlockError,
  LeaseLostError,
  LockCancelledError,
  LockClosedError,
  LockTimeoutError,
  QueueFullError
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
