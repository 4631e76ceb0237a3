// Kinds of locks in which it is easy to be wrong, each as small as it can be: what is found, and what is not held against it.

import { check, type Guarantee, type Report } from 'latchkey/testing'
import { describe, expect, test } from 'vitest'

const QUICK = { depth: 4, waiters: 0, random: { schedules: 20 } }
const tier = ({ verdicts }: Report, name: string): Guarantee[] =>
  verdicts.filter(({ verdict }) => verdict === name).map(({ guarantee }) => guarantee)
const look = async (create: () => unknown, options = {}) => {
  const report = await check(create, { ...QUICK, ...options })
  return { shape: report.shape, broken: tier(report, 'broken'), policy: tier(report, 'policy'), report }
}

/** Sound; what waiters are is left to those that are derived from it. */
class Base {
  held = false
  queue: (() => void)[] = []
  releaser(): () => void {
    let released = false
    return () => {
      if (released) return
      released = true
      const next = this.queue.shift()
      if (next) next()
      else this.held = false
    }
  }
}

interface Token {
  readonly isCancellationRequested: boolean
  onCancellationRequested(listener: () => void): { dispose(): void }
}

describe('tokens of cancellation', { timeout: 60_000 }, () => {
  /** `forgets`: what becomes of the place in the queue, or of the registration. */
  const lockWith = (forgets: 'place' | 'registration' | undefined) =>
    class Lock extends Base {
      async acquire(token?: Token): Promise<() => void> {
        if (token?.isCancellationRequested) throw new Error('Canceled')
        if (this.held)
          await new Promise<void>((resolve, reject) => {
            const go = () => {
              if (forgets !== 'registration') registration?.dispose()
              resolve()
            }
            const registration = token?.onCancellationRequested(() => {
              const at = this.queue.indexOf(go)
              if (forgets !== 'place' && at >= 0) this.queue.splice(at, 1)
              reject(new Error('Canceled'))
            })
            this.queue.push(go)
          })
        this.held = true
        return this.releaser()
      }
    }

  test.each([
    [undefined, []],
    ['place', ['G3', 'G5']],
    ['registration', ['G5']]
  ] as const)('that forget %s', async (forgets, broken) => {
    const Lock = lockWith(forgets)
    const found = await look(() => new Lock())
    expect(found).toMatchObject({ shape: 'mutex: acquire(cancellation token) → releaser function', broken, policy: [] })
    // The error is the lock's own, since a token has no reason.
    expect(found.report.verdicts.find(({ guarantee }) => guarantee === 'G5')?.verdict).toBe(
      broken.length > 0 ? 'broken' : 'holds'
    )
  })
})

test('a newcomer in the one microtask in which a permit is free', async () => {
  class Semaphore {
    active = 0
    queue: (() => void)[] = []
    async run(task: () => unknown) {
      if (this.active >= 2) await new Promise<void>(go => this.queue.push(go))
      this.active++
      try {
        return await task()
      } finally {
        this.active--
        this.queue.shift()?.()
      }
    }
  }
  const { broken, report } = await look(() => new Semaphore(), { depth: 5 })
  expect(broken).toEqual(['G1'])
  const [exclusion] = report.verdicts
  expect(exclusion?.schedule?.at(-1)).toMatch(/A runs a task, 1 microtask later/)
})

test('a waiter that is turned away for a newer one is a policy', async () => {
  class Newest extends Base {
    async acquire(): Promise<() => void> {
      if (this.held)
        await new Promise<void>((resolve, reject) => {
          this.drop?.(new Error('a newer one came'))
          this.drop = reject
          this.queue = [resolve]
        })
      this.held = true
      return this.releaser()
    }
    drop: ((reason: Error) => void) | undefined
  }
  const { broken, policy, report } = await look(() => new Newest())
  expect({ broken, policy }).toEqual({ broken: [], policy: ['G3'] })
  expect(report.verdicts.find(({ guarantee }) => guarantee === 'G3')?.why).toBe(
    'B is turned away when C comes (Error: a newer one came)'
  )
})

test.each([{ acquired: false }, { timedOut: true }])('%o is no grant', async refusal => {
  class Patient extends Base {
    acquire({ timeout }: { timeout?: number } = {}) {
      return new Promise(resolve => {
        let timer: ReturnType<typeof setTimeout> | undefined
        const grant = () => {
          clearTimeout(timer)
          resolve({ acquired: true, release: this.releaser() })
        }
        if (!this.held) {
          this.held = true
          grant()
          return
        }
        this.queue.push(grant)
        if (timeout === undefined) return
        timer = setTimeout(() => {
          this.queue.splice(this.queue.indexOf(grant), 1)
          resolve({ ...refusal, release() {} })
        }, timeout)
      })
    }
  }
  expect(await look(() => new Patient())).toMatchObject({ broken: [], policy: [] })
})

describe('tasks', () => {
  test('that are only started, and fail by themselves', async () => {
    class Queue {
      tasks: (() => unknown)[] = []
      busy = false
      add(task: () => unknown): void {
        this.tasks.push(task)
        if (!this.busy) void this.drain()
      }
      async drain() {
        this.busy = true
        for (let task = this.tasks.shift(); task; task = this.tasks.shift())
          await Promise.resolve()
            .then(task)
            .catch(() => {})
        this.busy = false
      }
    }
    expect(await look(() => new Queue())).toMatchObject({ shape: 'mutex: add(task)', broken: [], policy: [] })
  })

  test('that are queued, which is all that is told', async () => {
    class Queue {
      tail: Promise<unknown> = Promise.resolve()
      async enqueue(task: () => unknown): Promise<void> {
        this.tail = this.tail.then(() => task()).catch(() => {})
      }
    }
    expect(await look(() => new Queue())).toMatchObject({ shape: 'mutex: enqueue(task)', broken: [], policy: [] })
  })

  test('a function that is asked whether to go on is none', async () => {
    class Lock extends Base {
      async acquire(isCancelled: () => unknown = () => false): Promise<() => void> {
        if (this.held) await new Promise<void>(go => this.queue.push(go))
        this.held = true
        const release = this.releaser()
        if (!isCancelled()) return release
        release()
        throw new Error('cancelled')
      }
    }
    expect(await look(() => new Lock())).toMatchObject({ shape: 'mutex: acquire() → releaser function', broken: [] })
  })

  test('one that is refused while another runs asks for no wait', async () => {
    const guard = () => {
      let busy = false
      return {
        async runExclusive(task: () => unknown) {
          if (busy) return false
          busy = true
          try {
            await task()
            return true
          } finally {
            busy = false
          }
        }
      }
    }
    await expect(check(guard, QUICK)).rejects.toThrow('runExclusive refuses a second caller instead of letting it wait')
  })
})

test('what its class asks for, and was not given, is a doubt where a fault is seen', async () => {
  class Lane {
    tail: Promise<unknown> = Promise.resolve()
    run(task: () => unknown) {
      const result = this.tail.then(() => task())
      this.tail = result.catch(undefined)
      return result
    }
  }
  const options = (missing: string[]) => ({ hints: { missing } })
  expect((await look(() => new Lane(), options([]))).broken).toEqual(['G6'])
  const { broken, report } = await look(() => new Lane(), options(['report']))
  expect({ broken, outcome: report.outcome }).toEqual({ broken: [], outcome: 'unsure' })
  expect(report.doubts.join()).toContain('it was made without report, which it uses')
})
