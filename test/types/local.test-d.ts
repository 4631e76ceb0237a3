// What users of latchkey/local and latchkey/web may write, and what the compiler refuses.

import type { KeyedLock, Lease } from 'latchkey/distributed'
import {
  type Access,
  type LocalEntry,
  LocalLock,
  type LocalLockOptions,
  lockFile,
  type SyncLease
} from 'latchkey/local'
import { WebLock, type WebLockManager } from 'latchkey/web'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

const locks = new LocalLock({
  directory: '/var/lib/locks',
  access: 'group',
  turns: 4,
  engine: 'sqlite',
  name: 'n',
  maxWaiting: 3
})
expectAssignable<KeyedLock>(locks)
expectType<Promise<Lease>>(locks.acquire('a', { timeout: 1, signal: AbortSignal.abort() }))
expectType<Promise<Lease | undefined>>(locks.tryAcquire('a'))
expectType<Promise<number>>(locks.runExclusive('a', () => 7))
expectType<SyncLease>(locks.acquireSync('a', { timeout: 1 }))
expectType<SyncLease | undefined>(locks.tryAcquireSync('a'))
expectType<Promise<LocalEntry[]>>(locks.check('a'))
expectType<Promise<number>>(locks.sweep())
expectType<bigint>(locks.acquireSync('a').token)
expectAssignable<Disposable>(locks.acquireSync('a'))
expectAssignable<AsyncDisposable>(locks)
// A synchronous wait can be ended by time alone.
expectError(locks.acquireSync('a', { signal: AbortSignal.abort() }))
expectError(locks.acquire(7))
expectError(new LocalLock({ access: 'all' }))
expectError(new LocalLock({ engine: 'flock' }))
expectNotAssignable<Access>('all')
expectAssignable<LocalLockOptions>({})

expectType<Promise<string>>(lockFile('a', lease => lease.key))
expectError(lockFile('a'))
expectError(lockFile('a', () => {}, { directory: '/tmp' }))

const web = new WebLock({ namespace: 'n', locks: navigator.locks })
expectAssignable<KeyedLock>(web)
expectAssignable<WebLockManager>(navigator.locks)
expectError(new WebLock({ locks: {} }))
