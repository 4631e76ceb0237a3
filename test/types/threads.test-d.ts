// The lock between threads, as users write it.

import { type SharedLock, SharedMutex, type SharedMutexHandle } from 'latchkey/threads'
import { expectError, expectType } from 'tsd'

const mutex = new SharedMutex({ name: 'index' })
expectType<SharedMutexHandle>(mutex.handle)
expectType<SharedMutex>(SharedMutex.attach(mutex.handle))
expectType<Promise<SharedLock>>(mutex.acquire({ timeout: 5, signal: new AbortController().signal }))
expectType<SharedLock>(mutex.acquireSync({ timeout: 5 }))
expectType<SharedLock | undefined>(mutex.tryAcquire())
expectType<Promise<1 | 2>>(mutex.runExclusive(lock => (lock.abandoned ? 1 : 2)))
expectType<Promise<void>>(mutex.close())

// A blocked thread hears no signal.
expectError(mutex.acquireSync({ signal: new AbortController().signal }))
expectError(mutex.runExclusive(1))
expectError(SharedMutex.attach({ kind: 'SharedSemaphore', name: undefined, memory: new SharedArrayBuffer(8) }))
