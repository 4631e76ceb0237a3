// What the compiler lets pass and what it stops, of `latchkey/monitor` and `latchkey/context`.

import type { Meter } from '@opentelemetry/api'
import {
  type DeadlockEdge,
  type DeadlockError,
  KeyedMutex,
  type LockObserver,
  Mutex,
  Pool,
  ReadWriteLock,
  Semaphore
} from 'latchkey'
import { type DeadlockDetector, detectDeadlocks, ReentrantMutex } from 'latchkey/context'
import { InProcessLock } from 'latchkey/distributed'
import { LocalLock } from 'latchkey/local'
import {
  type AbandonReason,
  combineObservers,
  type DiagnosticsChannelLike,
  exportToMeter,
  LockMonitor,
  type LockSpan,
  type LockWarning,
  measureLocks,
  prometheusText,
  publishToChannels,
  renderTimeline
} from 'latchkey/monitor'
import { expectAssignable, expectError, expectType } from 'tsd'

declare const meter: Meter
declare const diagnosticsChannel: DiagnosticsChannelLike
const monitor = new LockMonitor({ maxHold: 5, onWarning: warning => expectType<LockWarning>(warning), stacks: true })
expectAssignable<LockObserver>(monitor)
new Mutex({ observer: monitor })
new Mutex({ observer: combineObservers(monitor, { granted() {} }) })
expectError(new LockMonitor({ maxHold: '5' }))
expectError(new LockMonitor({ maxhold: 5 }))

const [lock] = monitor.snapshot().locks
expectType<number | undefined>(lock?.wait.p99)
expectType<number | undefined>(lock?.abandoned.timeout)
expectError(lock?.abandoned.tired)
expectError(monitor.snapshot().locks.push)
expectType<LockSpan[]>(monitor.timeline())
expectType<string>(renderTimeline(monitor.timeline(), { width: 800 }))
expectType<string>(prometheusText(monitor))
expectType<string>(monitor.report({ limit: 5 }))
expectType<void>(monitor.reset())
expectType<number | undefined>(lock?.totalWait)
expectError(monitor.report({ lines: 5 }))
expectType<() => void>(exportToMeter(monitor, meter))
expectType<() => void>(publishToChannels(monitor, diagnosticsChannel))
expectType<() => void>(measureLocks(monitor))
expectType<() => void>(
  monitor.subscribe(event => {
    expectType<AbandonReason | undefined>(event.reason)
    expectType<'contended' | 'acquire' | 'release' | 'abandon'>(event.type)
  })
)
expectError(exportToMeter(monitor, {}))

// A watched lock is what it was.
const detector = detectDeadlocks({ stacks: true })
expectType<DeadlockDetector>(detector)
expectType<Mutex>(detector.watch(new Mutex()))
expectType<KeyedMutex<number>>(detector.watch(new KeyedMutex<number>()))
expectType<Semaphore>(detector.watch(new Semaphore(3)))
expectType<ReadWriteLock>(detector.watch(new ReadWriteLock()))
expectType<Pool<string>>(detector.watch(new Pool({ create: () => 'a', max: 1 })))
expectType<InProcessLock>(detector.watch(new InProcessLock()))
expectType<LocalLock>(detector.watch(new LocalLock()))
expectError(detector.watch({}))
expectError(detector.watch(5))
expectError(detectDeadlocks({ stack: true }))
detectDeadlocks({ onDeadlock: 'report' })
detectDeadlocks({ onDeadlock: error => expectType<DeadlockError>(error) })
expectError(detectDeadlocks({ onDeadlock: 'log' }))
expectType<Promise<number>>(detector.run(() => 5))
expectType<Promise<string>>(detector.detach(async () => 'late', { name: 'job' }))
expectError(detector.run(5))

declare const error: DeadlockError
expectType<readonly DeadlockEdge[] | undefined>(error.cycle)

const reentrant = new ReentrantMutex({ name: 'account' })
expectType<Promise<number>>(reentrant.runExclusive(() => 5, { timeout: 5 }))
expectType<boolean>(reentrant.inside)
// Not by hand: what is taken so belongs to no async context.
expectError(reentrant.acquire())
