// Every call that waits, of every primitive, in a state in which it has to wait.

import {
  type AcquireOptions,
  Barrier,
  Condition,
  Gate,
  KeyedMutex,
  Latch,
  Lazy,
  type Lock,
  type LockOptions,
  Mutex,
  Pool,
  ReadWriteLock,
  Semaphore,
  SingleFlight,
  WaiterQueue
} from 'latchkey'
import { deferred } from '../fixtures/settle.js'

/** A primitive in such a state, and a call to it. */
export interface Wait {
  readonly subject: object
  /** Waits, and gives back at once what it was granted. */
  wait(options?: AcquireOptions): Promise<unknown>
  /** Lets it through. */
  serve(): void
  /** How many wait. */
  waiting(): number
}

const release = (lock: Lock): string => {
  lock.release()
  return 'served'
}
const served = (): string => 'served'

type Make = (options?: LockOptions) => Wait

const mutex =
  (call: (mutex: Mutex, options?: AcquireOptions) => Promise<unknown>): Make =>
  options => {
    const subject = new Mutex(options)
    const lock = subject.tryAcquire()!
    return {
      subject,
      wait: options => call(subject, options),
      serve: () => lock.release(),
      waiting: () => subject.waiting
    }
  }

const keyed =
  (call: (mutex: KeyedMutex, options?: AcquireOptions) => Promise<unknown>): Make =>
  options => {
    const subject = new KeyedMutex(options)
    const lock = subject.tryAcquire('a')!
    return {
      subject,
      wait: options => call(subject, options),
      serve: () => lock.release(),
      waiting: () => subject.waiting
    }
  }

const semaphore =
  (call: (semaphore: Semaphore, options?: AcquireOptions) => Promise<unknown>): Make =>
  options => {
    const subject = new Semaphore(1, options)
    const permit = subject.tryAcquire()!
    return {
      subject,
      wait: options => call(subject, options),
      serve: () => permit.release(),
      waiting: () => subject.waiting
    }
  }

const readWrite =
  (call: (lock: ReadWriteLock, options?: AcquireOptions) => Promise<unknown>): Make =>
  options => {
    const subject = new ReadWriteLock(options)
    const lock = subject.tryAcquireWrite()!
    return {
      subject,
      wait: options => call(subject, options),
      serve: () => lock.release(),
      waiting: () => subject.waiting
    }
  }

const condition =
  (call: (condition: Condition, lock: Lock, options?: AcquireOptions) => Promise<unknown>): Make =>
  options => {
    const mutex = new Mutex()
    const subject = new Condition(mutex, options)
    return {
      subject,
      wait: async options => {
        const lock = await mutex.acquire()
        try {
          await call(subject, lock, options)
          return 'served'
        } finally {
          lock.release()
        }
      },
      serve: () => void subject.notifyAll(),
      waiting: () => subject.waiting
    }
  }

const pool =
  (call: (pool: Pool<string>, options?: AcquireOptions) => Promise<unknown>, preparing = false): Make =>
  options => {
    const made = deferred<string>()
    const subject = new Pool<string>({ ...options, create: () => (preparing ? made.promise : 'resource'), max: 1 })
    const first = preparing ? undefined : subject.acquire({ timeout: Infinity })
    return {
      subject,
      wait: async options => {
        await first
        return call(subject, options)
      },
      serve: () => (first === undefined ? made.resolve('resource') : void first.then(release)),
      waiting: () => subject.pending
    }
  }

export const waits: Record<string, Make> = {
  'Mutex.acquire': mutex((mutex, options) => mutex.acquire(options).then(release)),
  'Mutex.runExclusive': mutex((mutex, options) => mutex.runExclusive(served, options)),
  'Mutex.wrap': mutex((mutex, options) => mutex.wrap(served, options)()),
  'Mutex.whenFree': mutex((mutex, options) => mutex.whenFree(options).then(served)),
  'KeyedMutex.acquire': keyed((mutex, options) => mutex.acquire('a', options).then(release)),
  'KeyedMutex.runExclusive': keyed((mutex, options) => mutex.runExclusive('a', served, options)),
  'KeyedMutex.acquireMany': keyed((mutex, options) => mutex.acquireMany(['b', 'a'], options).then(release)),
  'KeyedMutex.runExclusiveMany': keyed((mutex, options) => mutex.runExclusiveMany(['b', 'a'], served, options)),
  'KeyedMutex.wrap': keyed((mutex, options) => mutex.wrap(served, () => 'a', options)()),
  'KeyedMutex.whenFree': keyed((mutex, options) => mutex.whenFree(options).then(served)),
  'Semaphore.acquire': semaphore((semaphore, options) => semaphore.acquire(options).then(release)),
  'Semaphore.run': semaphore((semaphore, options) => semaphore.run(served, options)),
  'Semaphore.wrap': semaphore((semaphore, options) => semaphore.wrap(served, options)()),
  'Semaphore.whenFree': semaphore((semaphore, options) => semaphore.whenFree(options).then(served)),
  'ReadWriteLock.acquireRead': readWrite((lock, options) => lock.acquireRead(options).then(release)),
  'ReadWriteLock.acquireWrite': readWrite((lock, options) => lock.acquireWrite(options).then(release)),
  'ReadWriteLock.runRead': readWrite((lock, options) => lock.runRead(served, options)),
  'ReadWriteLock.runWrite': readWrite((lock, options) => lock.runWrite(served, options)),
  'ReadWriteLock.wrap': readWrite((lock, options) => lock.wrap(served, options)()),
  'ReadWriteLock.wrapRead': readWrite((lock, options) => lock.wrapRead(served, options)()),
  'ReadWriteLock.whenFree': readWrite((lock, options) => lock.whenFree(options).then(served)),
  'Condition.wait': condition((condition, lock, options) => condition.wait(lock, options)),
  'Condition.waitFor': condition((condition, lock, options) => {
    let looked = 0
    return condition.waitFor(lock, () => looked++ > 0, options)
  }),
  'Barrier.arrive': options => {
    const subject = new Barrier(2, options)
    return {
      subject,
      wait: options => subject.arrive(options).then(served),
      serve: () => void (subject.waiting > 0 && subject.arrive()),
      waiting: () => subject.waiting
    }
  },
  'Gate.wait': options => {
    const subject = new Gate(options)
    return {
      subject,
      wait: options => subject.wait(options).then(served),
      serve: () => subject.open(),
      waiting: () => subject.waiting
    }
  },
  'Latch.wait': options => {
    const subject = new Latch(1, options)
    return {
      subject,
      wait: options => subject.wait(options).then(served),
      serve: () => subject.countDown(),
      waiting: () => subject.waiting
    }
  },
  'SingleFlight.run': options => {
    const subject = new SingleFlight(options)
    const outcome = deferred<string>()
    return {
      subject,
      wait: options => subject.run('a', () => outcome.promise, options),
      serve: () => outcome.resolve('served'),
      waiting: () => subject.waiting
    }
  },
  'Lazy.get': options => {
    const outcome = deferred<string>()
    const subject = new Lazy(() => outcome.promise, options)
    return {
      subject,
      wait: options => subject.get(options),
      serve: () => outcome.resolve('served'),
      waiting: () => subject.waiting
    }
  },
  'Pool.acquire': pool((pool, options) => pool.acquire(options).then(release)),
  'Pool.acquire, preparing': pool((pool, options) => pool.acquire(options).then(release), true),
  'Pool.use': pool((pool, options) => pool.use(served, options)),
  'Pool.use, preparing': pool((pool, options) => pool.use(served, options), true),
  'Pool.whenFree': pool((pool, options) => pool.whenFree(options).then(served)),
  'WaiterQueue.wait': options => {
    const subject = new WaiterQueue<string>(options)
    return {
      subject,
      wait: options => subject.wait(options),
      serve: () => void subject.grant('served'),
      waiting: () => subject.size
    }
  }
}

export const everyWait = Object.entries(waits).map(([name, make]) => ({ name, make }))
