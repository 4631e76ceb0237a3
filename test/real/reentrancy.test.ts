// A user's code that comes back in: at each thing that an observer is told, in each task, factory and abort listener,
// something is done to the same primitive. In every callback the state has to be whole (G1, G3, G5).

import fc from 'fast-check'
import {
  type AcquireOptions,
  Barrier,
  Condition,
  Gate,
  KeyedMutex,
  Latch,
  Lazy,
  type Lock,
  type LockObserver,
  type LockRequest,
  Mutex,
  Pool,
  ReadWriteLock,
  Semaphore,
  SingleFlight,
  WaiterQueue
} from 'latchkey'
import { describe, expect, test } from 'vitest'
import { flush } from '../fixtures/settle.js'

/** What is done to a primitive: `n` chooses among keys, weights and the like. */
type Act = (n: number, options: AcquireOptions) => unknown

interface Subject {
  readonly acts: Record<string, Act>
  /** How many wait, as the primitive shows it. */
  waiting(): number
  /** What is wrong with what is held, if anything. */
  fault(): string | undefined
  /** Lets everything go on that still can. */
  finish(): void
  /** Whether all is free again. */
  isFree(): boolean
}

interface Bench {
  readonly observer: LockObserver
  /** Holds a lock until an act or the end releases it. */
  keep(promise: Promise<Lock>): void
  readonly held: Lock[]
  /** Ignores what becomes of it, but waits for it to settle. */
  watch(promise: Promise<unknown>): void
  /** In a task or a factory. */
  within(where: string): void
}

const release = ({ held }: Bench, n: number) => held.splice(n % Math.max(1, held.length), 1)[0]?.release()
const live = ({ held }: Bench) => held.filter(lock => lock.held)

const subjects: Record<string, (bench: Bench) => Subject> = {
  Mutex: bench => {
    const mutex = new Mutex({ observer: bench.observer })
    return {
      acts: {
        acquire: (_, options) => bench.keep(mutex.acquire(options)),
        run: (_, options) => bench.watch(mutex.runExclusive(() => bench.within('task'), options)),
        try: () => {
          const lock = mutex.tryAcquire()
          if (lock) bench.held.push(lock)
        },
        whenFree: () => bench.watch(mutex.whenFree()),
        release: n => release(bench, n),
        cancel: () => mutex.cancelWaiters(),
        close: n => n > 6 && bench.watch(mutex.close())
      },
      waiting: () => mutex.waiting,
      fault: () =>
        live(bench).length > (mutex.locked ? 1 : 0) ? `${live(bench).length} holders, ${mutex}` : undefined,
      finish: () => release(bench, 0),
      isFree: () => !mutex.locked
    }
  },
  KeyedMutex: bench => {
    const mutex = new KeyedMutex<number>({ observer: bench.observer })
    const keys = (n: number) => (n % 2 ? [0, 1] : [n % 3, 2])
    return {
      acts: {
        acquire: (n, options) => bench.keep(mutex.acquire(n % 3, options)),
        many: (n, options) => bench.keep(mutex.acquireMany(keys(n), options)),
        run: (n, options) => bench.watch(mutex.runExclusive(n % 3, () => bench.within('task'), options)),
        runMany: (n, options) => bench.watch(mutex.runExclusiveMany(keys(n), () => bench.within('task'), options)),
        try: n => {
          const lock = n % 2 ? mutex.tryAcquire(n % 3) : mutex.tryAcquireMany(keys(n))
          if (lock) bench.held.push(lock)
        },
        release: n => release(bench, n),
        cancel: () => mutex.cancelWaiters(),
        close: n => n > 6 && bench.watch(mutex.close())
      },
      waiting: () => mutex.waiting,
      fault: () => {
        const waiting = [0, 1, 2].map(key => mutex.waitingFor(key))
        return live(bench).length > mutex.size || waiting.some(n => n < 0)
          ? `${live(bench).length} holders, ${mutex}`
          : undefined
      },
      finish: () => release(bench, 0),
      isFree: () => mutex.size === 0
    }
  },
  Semaphore: bench => {
    const semaphore = new Semaphore(3, { observer: bench.observer })
    let most = 3
    const permits = (n: number) => (n % semaphore.capacity) + 1
    return {
      acts: {
        acquire: (n, options) => bench.keep(semaphore.acquire({ ...options, permits: permits(n) })),
        run: (n, options) =>
          bench.watch(semaphore.run(() => bench.within('task'), { ...options, permits: permits(n) })),
        try: n => {
          const permit = semaphore.tryAcquire(permits(n))
          if (permit) bench.held.push(permit)
        },
        resize: n => {
          semaphore.resize((n % 3) + 1)
          most = Math.max(most, semaphore.capacity)
        },
        release: n => release(bench, n),
        cancel: () => semaphore.cancelWaiters(),
        close: n => n > 6 && bench.watch(semaphore.close())
      },
      waiting: () => semaphore.waiting,
      fault: () => {
        const out = (live(bench) as { permits?: number }[]).reduce((sum, { permits = 0 }) => sum + permits, 0)
        return out > most ? `${out} permits are out, ${semaphore}` : undefined
      },
      finish: () => release(bench, 0),
      isFree: () => semaphore.available === semaphore.capacity
    }
  },
  ReadWriteLock: bench => {
    const lock = new ReadWriteLock({ observer: bench.observer })
    const keep = (taken: Lock | undefined) => taken && bench.held.push(taken)
    return {
      acts: {
        read: (_, options) => bench.keep(lock.acquireRead(options)),
        write: (_, options) => bench.keep(lock.acquireWrite(options)),
        run: (n, options) =>
          bench.watch(
            n % 2
              ? lock.runRead(() => bench.within('task'), options)
              : lock.runWrite(() => bench.within('task'), options)
          ),
        try: n => keep(n % 2 ? lock.tryAcquireRead() : lock.tryAcquireWrite()),
        change: () => {
          const held = live(bench).at(-1) as { tryUpgrade?(): Lock | undefined; downgrade?(): Lock } | undefined
          keep(held?.tryUpgrade?.() ?? held?.downgrade?.())
        },
        release: n => release(bench, n),
        cancel: () => lock.cancelWaiters(),
        close: n => n > 6 && bench.watch(lock.close())
      },
      waiting: () => lock.waiting,
      fault: () => {
        const writers = live(bench).filter(held => 'downgrade' in held).length
        const bad = writers > 1 || (writers > 0 && live(bench).length > 1) || (lock.writing && lock.readers > 0)
        return bad ? `${writers} writers of ${live(bench).length} holders, ${lock}` : undefined
      },
      finish: () => release(bench, 0),
      isFree: () => !lock.writing && lock.readers === 0
    }
  },
  Pool: bench => {
    let made = 0
    const out = new Set<number>()
    const pool: Pool<number> = new Pool<number>({
      observer: bench.observer,
      create: () => {
        const id = ++made
        out.add(id)
        bench.within('create')
        if (id % 5 === 0) {
          out.delete(id)
          throw new Error('create failed')
        }
        return id
      },
      validate: id => {
        bench.within('validate')
        return id % 3 > 0
      },
      destroy: id => {
        if (!out.delete(id)) throw new Error(`${id} destroyed twice`)
        bench.within('destroy')
      },
      max: 2,
      min: 1,
      maxUses: 3
    })
    return {
      acts: {
        acquire: (_, options) => bench.keep(pool.acquire(options)),
        use: (_, options) => bench.watch(pool.use(() => bench.within('task'), options)),
        warm: () => bench.watch(pool.warm()),
        discard: () => (live(bench).at(-1) as { discard?(): void } | undefined)?.discard?.(),
        release: n => release(bench, n),
        cancel: () => pool.cancelWaiters(),
        close: n => n > 6 && bench.watch(pool.close())
      },
      waiting: () => pool.waiting,
      fault: () => {
        const lent = live(bench).map(lease => (lease as { resource?: number }).resource)
        const bad = pool.size > 2 || pool.idle < 0 || pool.pending < 0 || new Set(lent).size < lent.length
        return bad ? `lent ${lent}, ${pool}` : undefined
      },
      finish: () => release(bench, 0),
      isFree: () => pool.size === pool.idle && (!pool.closed || (pool.size === 0 && out.size === 0))
    }
  },
  Condition: bench => {
    const mutex = new Mutex()
    const condition = new Condition(mutex, { observer: bench.observer })
    const waitUnder = async (lock: Lock, options: AcquireOptions) => {
      try {
        await condition.wait(lock, options)
      } finally {
        lock.release()
      }
    }
    return {
      acts: {
        wait: (_, options) => {
          const lock = mutex.tryAcquire()
          bench.watch(lock ? waitUnder(lock, options) : mutex.acquire().then(lock => waitUnder(lock, options)))
        },
        notify: n => condition.notify((n % 2) + 1),
        notifyAll: () => {
          const { waiting } = condition
          const woken = condition.notifyAll()
          if (woken > waiting) throw new Error(`${woken} of ${waiting} were woken`)
        },
        cancel: () => condition.cancelWaiters(),
        close: n => n > 6 && bench.watch(condition.close())
      },
      waiting: () => condition.waiting,
      fault: () => undefined,
      finish: () => condition.notifyAll(),
      isFree: () => !mutex.locked && condition.waiting === 0
    }
  },
  Barrier: bench => {
    const barrier = new Barrier(3, { observer: bench.observer })
    const places = [0, 0, 0]
    return {
      acts: {
        arrive: (_, options) =>
          bench.watch(
            barrier.arrive(options).then(place => {
              places[place]!++
            })
          ),
        reset: () => barrier.reset(),
        cancel: () => barrier.cancelWaiters(),
        close: n => n > 6 && bench.watch(barrier.close())
      },
      waiting: () => barrier.waiting,
      fault: () => (barrier.waiting > 2 ? `${barrier}` : undefined),
      finish: () => barrier.reset(),
      isFree: () => barrier.waiting === 0 && new Set(places).size === 1 // every round was whole
    }
  },
  Gate: bench => {
    const gate = new Gate({ observer: bench.observer })
    return {
      acts: {
        wait: (_, options) => bench.watch(gate.wait(options)),
        open: () => gate.open(),
        shut: () => gate.shut(),
        cancel: () => gate.cancelWaiters(),
        close: n => n > 6 && bench.watch(gate.close())
      },
      waiting: () => gate.waiting,
      fault: () => undefined, // an observer may shut it in the middle of a round
      finish: () => gate.open(),
      isFree: () => gate.waiting === 0
    }
  },
  Latch: bench => {
    const latch = new Latch(4, { observer: bench.observer })
    return {
      acts: {
        wait: (_, options) => bench.watch(latch.wait(options)),
        down: n => n % 2 && latch.countDown(),
        cancel: () => latch.cancelWaiters(),
        close: n => n > 6 && bench.watch(latch.close())
      },
      waiting: () => latch.waiting,
      fault: () => undefined,
      finish: () => latch.countDown(4),
      isFree: () => latch.waiting === 0
    }
  },
  SingleFlight: bench => {
    const flights = new SingleFlight<number>({ observer: bench.observer })
    let running = 0
    const task = async (signal: AbortSignal) => {
      running++
      signal.addEventListener('abort', () => bench.within('abort listener'))
      try {
        bench.within('task')
        await null
      } finally {
        running--
      }
    }
    return {
      acts: {
        run: (n, options) => bench.watch(flights.run(n % 2, task, options)),
        forget: n => flights.forget(n % 2),
        cancel: () => flights.cancelWaiters(),
        close: n => n > 6 && bench.watch(flights.close())
      },
      waiting: () => flights.waiting,
      fault: () => undefined,
      finish: () => {},
      isFree: () => flights.size === 0 && flights.waiting === 0 && running === 0
    }
  },
  Lazy: bench => {
    let runs = 0
    const lazy = new Lazy(
      async signal => {
        signal.addEventListener('abort', () => bench.within('abort listener'))
        bench.within('factory')
        await null
        if (++runs < 3) throw new Error('not yet')
        return runs
      },
      { observer: bench.observer }
    )
    return {
      acts: {
        get: (_, options) => bench.watch(lazy.get(options)),
        cancel: () => lazy.cancelWaiters(),
        close: n => n > 6 && bench.watch(lazy.close())
      },
      waiting: () => lazy.waiting,
      fault: () => undefined,
      finish: () => {},
      isFree: () => lazy.waiting === 0
    }
  },
  WaiterQueue: bench => {
    const queue: WaiterQueue<number> = new WaiterQueue<number>({
      observer: bench.observer,
      onLeave: () => bench.within('onLeave')
    })
    return {
      acts: {
        wait: (_, options) => bench.watch(queue.wait(options)),
        grant: n => queue.grant(n),
        rejectAll: () => queue.rejectAll(new Error('all'))
      },
      waiting: () => queue.size,
      fault: () => undefined,
      finish: () => queue.rejectAll(new Error('the end')),
      isFree: () => queue.size === 0
    }
  }
}

const step = fc.record({ act: fc.nat(19), n: fc.nat(7), options: fc.nat(3) })

/** What may come after what, for one request. */
const NEXT: Record<string, string[]> = {
  '': ['queued', 'granted', 'abandoned'],
  queued: ['granted', 'abandoned'],
  granted: ['released'],
  released: [],
  abandoned: []
}

async function play(make: (bench: Bench) => Subject, steps: Step[], within: Step[]): Promise<void> {
  const log: string[] = []
  const faults: string[] = []
  const inner = [...within]
  const told = new Map<LockRequest, string>()
  let controller = new AbortController()
  let pending = 0
  let depth = 0

  const look = (where: string) => {
    const fault = subject.waiting() < 0 ? `${subject.waiting()} waiting` : subject.fault()
    if (fault !== undefined) faults.push(`${where}: ${fault}`)
  }
  const perform = ({ act, n, options }: Step) => {
    const names = [...Object.keys(subject.acts), 'abort', 'nothing']
    const name = names[act % names.length]!
    log.push(`${'  '.repeat(depth)}${name} ${n}`)
    const { signal } = controller
    const own: AcquireOptions = options === 0 ? {} : options === 1 ? { signal } : { signal, priority: n % 2 }
    if (name === 'abort') {
      const aborting = controller
      controller = new AbortController()
      aborting.abort(new Error('aborted'))
    } else subject.acts[name]?.(n, own)
  }
  const comeBack = (where: string) => {
    look(where)
    const next = inner.shift()
    if (next === undefined) return
    log.push(`${'  '.repeat(depth)}in ${where}:`)
    depth++
    perform(next)
    depth--
    look(where)
  }
  const tell = (event: 'queued' | 'granted' | 'released' | 'abandoned') => (request: LockRequest) => {
    const before = told.get(request) ?? ''
    if (!NEXT[before]!.includes(event)) faults.push(`${event} after ${before || 'nothing'}`)
    told.set(request, event)
    comeBack(event)
  }
  const watch = (promise: Promise<unknown>) => {
    pending++
    const settled = () => {
      pending--
    }
    promise.then(settled, settled)
  }
  const held: Lock[] = []
  const bench: Bench = {
    observer: {
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    },
    keep: promise =>
      watch(
        promise.then(lock => {
          held.push(lock)
        })
      ),
    held,
    watch,
    within: comeBack
  }
  const subject = make(bench)
  for (const next of steps) {
    perform(next)
    if (next.n % 3 === 0) await flush()
    look('step')
  }
  inner.length = 0
  for (let round = 0; round < 200 && (pending > 0 || held.length > 0); round++) {
    await flush()
    subject.finish()
  }
  await flush()
  if (pending > 0) faults.push(`${pending} calls never settle`)
  if (subject.waiting() !== 0 || !subject.isFree()) faults.push(`not free at the end: ${subject.waiting()} waiting`)
  for (const [, event] of told) if (event === 'queued') faults.push('queued, and nothing after it')
  if (faults.length > 0) throw new Error(`${faults.join('\n')}\n\n${log.join('\n')}`)
}

interface Step {
  act: number
  n: number
  options: number
}

describe.each(Object.entries(subjects))('%s', (_, make) => {
  test('whatever its callbacks do to it, its state is whole in each, and all is free at the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 20, size: 'max' }),
        fc.array(step, { maxLength: 15, size: 'max' }),
        (steps, within) => play(make, steps, within)
      ),
      { numRuns: Number(process.env.REENTRANCY_RUNS ?? 300) }
    )
  })
})

test('the check itself sees a primitive that tells too early', async () => {
  const early = (bench: Bench): Subject => {
    let waiting = 0
    const request = { source: {}, keys: [] }
    return {
      acts: {
        wait: () => {
          waiting--
          bench.observer.queued?.({ ...request })
          waiting++
        }
      },
      waiting: () => waiting,
      fault: () => undefined,
      finish: () => {},
      isFree: () => true
    }
  }
  await expect(play(early, [{ act: 0, n: 0, options: 0 }], [])).rejects.toThrow('-1 waiting')
})
