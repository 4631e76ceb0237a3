// What is accused, what is only told, and what is left open; and the numbers of a report.

import { Mutex } from 'latchkey'
import { check, checkMutex, expectConformance, explore, type Guarantee, type Report } from 'latchkey/testing'
import { describe, expect, test } from 'vitest'
import { Sound } from './broken.js'

const QUICK = { depth: 4, waiters: 0, random: { schedules: 20 } }
const verdict = (report: Report, guarantee: Guarantee) => report.verdicts.find(found => found.guarantee === guarantee)
const tiers = (report: Report, tier: string) =>
  report.verdicts.filter(({ verdict }) => verdict === tier).map(({ guarantee }) => guarantee)

describe('unsure', () => {
  class Unlimited {
    add(task: () => unknown) {
      return Promise.resolve().then(task)
    }
  }

  class Shared {
    #lock = new Sound()
    obtainRO = async () => () => {}
    obtainRW = () => this.#lock.acquire()
  }

  class Boxes {
    #lock = new Mutex()
    #broken = 0
    async run(task: () => unknown) {
      // Lets a second one in.
      if (++this.#broken % 2 === 0) return { value: await task() }
      return { value: await this.#lock.runExclusive(task) }
    }
  }

  class Flaky {
    static count = 0
    locked = false
    line: (() => void)[] = []
    async acquire() {
      if (this.locked && Flaky.count++ % 7 !== 3) await new Promise<void>(resolve => this.line.push(resolve))
      this.locked = true
      let released = false
      return () => {
        if (released) return
        released = true
        const next = this.line.shift()
        if (next) next()
        else this.locked = false
      }
    }
  }

  test.each<[string, () => unknown, RegExp]>([
    ['no caller ever waited', () => new Unlimited(), /no caller ever waited.*--args.*--capacity/],
    [
      'what looks like its API was left out',
      () => new Shared(),
      /it also has obtainRW, which was not driven|no caller/
    ],
    ['it gives results of its own', () => new Boxes(), /given back in an object of its own/],
    ['it is another one each time', () => new Flaky(), /does not do the same thing each time/]
  ])('%s', async (_, create, doubt) => {
    const report = await check(create, { ...QUICK, hints: { kind: 'mutex' } })
    expect(report.outcome).toBe('unsure')
    expect(tiers(report, 'broken')).toEqual([])
    expect(report.doubts.join('\n')).toMatch(doubt)
    expect(report.driven.length).toBeGreaterThan(0)
    expect(report.hint).toMatch(/^--/)
    expect(() => expectConformance(report)).toThrow('It is not sure that the lock was driven as it is meant to be')
  })

  test('a lock that is beyond doubt has none', async () => {
    const report = await checkMutex(() => new Mutex(), { ...QUICK, depth: 3 })
    expect([report.outcome, report.doubts, report.leftOut]).toEqual(['holds', [], []])
    expect(report.driven).toEqual(['acquire', 'runExclusive', 'tryAcquire'])
  })
})

describe('policies', () => {
  class Barging extends Sound {
    override async acquire() {
      while (this.locked) await new Promise<void>(resolve => this.line.push(resolve))
      this.locked = true
      return this.once()
    }
    protected override pass(): void {
      this.locked = false
      this.line.shift()?.()
    }
  }

  test('are told, and fail where that is asked for', async () => {
    const report = await checkMutex(() => new Barging(), { ...QUICK, depth: 5 })
    expect([report.outcome, tiers(report, 'broken'), tiers(report, 'policy')]).toEqual(['holds', [], ['G2']])
    expect(verdict(report, 'G2')?.cause).toMatchObject({
      text: expect.stringMatching(/^The lock is free from step \d on though a caller waits: .* Hand over instead/),
      member: expect.any(String)
    })
    expectConformance(report)
    expectConformance(report, { except: ['G2'], strict: true })
    expect(() => expectConformance(report, { strict: true })).toThrow('G2 hand-off is broken')
  })

  test('the result of another task is told, and its failure is a fault', async () => {
    class Chain {
      #tail: Promise<unknown> = Promise.resolve()
      constructor(readonly keeps: boolean) {}
      run(task: () => unknown) {
        const result = this.#tail.then(task, this.keeps ? task : undefined)
        this.#tail = this.keeps ? result : result.catch(() => {})
        return result
      }
    }
    const told = await checkMutex(() => new Chain(false), QUICK)
    expect([tiers(told, 'broken'), tiers(told, 'policy')]).toEqual([[], ['G6']])
    const broken = await checkMutex(() => new Chain(true), QUICK)
    expect(tiers(broken, 'broken')).toEqual(['G6'])
    expect(verdict(broken, 'G6')?.why).toBe('the task of A is handed the failure of the task before it')
  })
})

describe('a fault', () => {
  class Forgetful extends Sound {
    protected override pass(): void {
      this.locked = false // and wakes no one: the next that comes and goes does
      setTimeout(() => {}, 0)
    }
    override async acquire() {
      const release = await super.acquire()
      return () => {
        this.line.shift()?.()
        release()
      }
    }
  }

  test('has its cause, with what to write instead', async () => {
    class TwiceReleased extends Sound {
      protected override once() {
        return () => this.pass()
      }
    }
    const { cause } = verdict(await checkMutex(() => new TwiceReleased(), { ...QUICK, depth: 5 }), 'G4')!
    expect(cause).toEqual({
      text: 'The releaser of A works twice: at step 5 it frees what another caller holds. Let it work once.',
      fix: ['let released = false', 'return () => { if (released) return; released = true; … }'],
      member: 'acquire'
    })
  })

  test('has the cause that fits how a waiter left', async () => {
    class Overpaid extends Sound {
      override acquire(signal?: AbortSignal) {
        const waits = super.acquire()
        signal?.addEventListener('abort', () => this.pass(), { once: true })
        return waits
      }
    }
    /** Its release looks for the next waiter in a queue that is no longer there. */
    class Unfreed {
      held = false
      line: { go(): void; drop(reason: unknown): void }[] = []
      async acquire() {
        if (this.held) await new Promise<void>((go, drop) => this.line.push({ go, drop }))
        this.held = true
        const { line } = this
        let released = false
        return () => {
          if (released) return
          released = true
          const next = line.shift()
          if (next) next.go()
          else if (line === this.line) this.held = false
        }
      }
      cancelWaiters() {
        for (const { drop } of this.line) drop(new Error('cancelled'))
        this.line = []
      }
    }
    const causeOf = async (create: () => unknown, guarantee: Guarantee) =>
      verdict(await checkMutex(create, { ...QUICK, depth: 5 }), guarantee)?.cause?.text
    expect(await causeOf(() => new Overpaid(), 'G1')).toBe(
      'The waiter that left gave back a place that it never had, and a newcomer takes it. Only a holder gives back.'
    )
    expect(await causeOf(() => new Unfreed(), 'G3')).toMatch(
      /^After all waiters were cancelled at step \d, a release no longer frees the lock for those that come later\./
    )
  })

  test('is no echo of another', async () => {
    const report = await checkMutex(() => new Forgetful(), QUICK)
    expect(verdict(report, 'G9')?.verdict).toBe('not tried')
    expect(tiers(report, 'broken')).not.toContain('G6')
  })

  test('does not wait forever if another caller lets it in', async () => {
    class Late extends Sound {
      protected override pass(): void {
        if (this.idle++ % 2 === 0)
          this.locked = false // every other release wakes no one
        else super.pass()
      }
      idle = 0
    }
    const report = await checkMutex(() => new Late(), QUICK)
    expect(verdict(report, 'G3')?.why).toMatch(
      /waits (forever, )?though the lock is free(, until another caller comes and goes)?$/
    )
  })

  test('is told as soon as it is found', async () => {
    const seen: Report[] = []
    const found: Guarantee[] = []
    class LastFirst extends Sound {
      protected override pass(): void {
        const next = this.line.pop()
        if (next) next()
        else this.locked = false
      }
    }
    await checkMutex(() => new LastFirst(), {
      ...QUICK,
      depth: 5,
      onReport: report => seen.push(report),
      onBreach: ({ guarantee }) => found.push(guarantee)
    })
    expect(found).toEqual(['G2'])
    expect(seen[0]?.verdicts.find(({ guarantee }) => guarantee === 'G2')?.verdict).toBe('policy')
    expect(seen[0]?.verdicts.find(({ guarantee }) => guarantee === 'G1')).toMatchObject({
      verdict: 'not tried',
      why: 'it did not come to that'
    })
  })
})

describe('the numbers of a report', () => {
  test('say what was played, and for how much it stands', async () => {
    const report = await checkMutex(() => new Sound(), { clients: 3, depth: 4, waiters: 0, random: { schedules: 5 } })
    const { schedules, covered, clients, depth, seed } = report
    expect({ schedules, covered, clients, depth, seed }).toMatchInlineSnapshot(`
      {
        "clients": 3,
        "covered": 978,
        "depth": 4,
        "schedules": 487,
        "seed": 1,
      }
    `)
  })

  test('a seed draws other schedules, and the same one the same', async () => {
    class Counts extends Sound {
      #grants = 0
      override async acquire() {
        const release = await super.acquire()
        return ++this.#grants === 9 ? () => {} : release // found by long schedules alone
      }
    }
    const run = async (seed: number) => {
      const { breaches, random } = await explore(() => new Counts(), { depth: 2, random: { schedules: 40, seed } })
      expect(random.seed).toBe(seed)
      expect(breaches[0]?.seed).toBe(seed)
      return JSON.stringify(breaches)
    }
    const [one, again, other] = [await run(1), await run(1), await run(2)]
    expect(again).toBe(one)
    expect(other).not.toBe(one)
  })

  test('a budget that is spent ends the search, and is told', async () => {
    const whole = await explore(() => new Sound(), { depth: 6, random: { schedules: 0 } })
    const spent = await explore(() => new Sound(), { depth: 6, budget: 1, random: { schedules: 0 } })
    expect(whole.depth).toBe(6)
    expect(spent.depth).toBeLessThan(6)
    expect(spent.schedules).toBeLessThan(whole.schedules)
  })
})
