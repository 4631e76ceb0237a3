// Tests the tests: puts one deliberate fault after another into a copy of the core and of the primitives, and runs their
// tests on it. A fault that no test notices, or an edit that no longer applies, fails.
//
// Usage: node scripts/faults.js [WORDS]   WORDS: only the faults with these words in their name, or of this folder

import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAULTS_OF_PRIMITIVES } from './faults-of-primitives.js'
import { fromRoot } from './project.js'

/**
 * `find` occurs exactly once in the file.
 *
 * @typedef {{ name: string, file: string, find: string, replace: string }} Fault
 */

/** @type {Fault[]} */
const FAULTS_OF_CORE = [
  // Exclusion and hand-off.
  {
    name: 'hand-off dropped: a release frees the lock, and those who wait go on waiting',
    file: 'mutex',
    find: 'if (line !== undefined && line.size > 0 && line.grant(new Hold(this))) return',
    replace: ''
  },
  {
    name: 'hand-off deferred: between release and grant somebody may overtake',
    file: 'mutex',
    find: 'if (line !== undefined && line.size > 0 && line.grant(new Hold(this))) return',
    replace: `if (line !== undefined && line.size > 0) {
      this.#locked = false
      queueMicrotask(() => {
        if (this.#locked) return
        this.#locked = line.grant(new Hold(this))
      })
      return
    }`
  },
  {
    name: 'tryAcquire takes the lock though somebody holds it and nobody waits',
    file: 'mutex',
    find: 'return this.#locked || this.closed ?',
    replace: 'return this.waiting > 0 || this.closed ?'
  },
  {
    name: 'tryAcquire takes a closed lock',
    file: 'mutex',
    find: 'return this.#locked || this.closed ?',
    replace: 'return this.#locked ?'
  },
  {
    name: 'a task on a free lock starts late',
    file: 'mutex',
    find: 'this.line.run(task, options) : runHolding(task, this.take())',
    replace: 'this.line.run(task, options) : Promise.resolve(this.take()).then(lock => runHolding(task, lock))'
  },
  {
    name: 'nobody hears that the mutex is free',
    file: 'mutex',
    find: `this.#locked = false
    this.freed()`,
    replace: 'this.#locked = false'
  },
  {
    name: 'an observer is not told of releases',
    file: 'lock',
    find: `if (this.request !== undefined) tell((grantor.options as LockOptions).observer, 'released', this.request)`,
    replace: ''
  },
  {
    name: 'a release is not one-shot',
    file: 'lock',
    find: 'if (grantor === undefined) return\n    this.grantor = undefined\n',
    replace: 'if (grantor === undefined) return\n'
  },

  // Tasks.
  {
    name: 'a task that throws keeps the lock it waited for',
    file: 'lock',
    find: 'lock.release()\n    throw error',
    replace: 'throw error'
  },
  {
    name: 'a task that rejects keeps the lock it waited for',
    file: 'lock',
    find: 'settled.then(release, release)',
    replace: 'settled.then(release, () => {})'
  },
  {
    name: 'a thenable is not awaited before the lock is released',
    file: 'lock',
    find: 'settled.then(release, release)',
    replace: 'release()'
  },
  {
    name: 'a task that fails keeps the lock that was free',
    file: 'lock',
    find: 'return await task(lock)\n  } finally {\n    lock.release()\n  }',
    replace: 'const result = await task(lock)\n    lock.release()\n    return result\n  } finally {\n  }'
  },
  {
    name: 'a task whose signal has aborted is started',
    file: 'lock',
    find: 'if (signal?.aborted) throw signal.reason',
    replace: ''
  },
  {
    name: 'a task whose signal has aborted is not started and keeps the lock',
    file: 'lock',
    find: `  let result: R | PromiseLike<R>
`,
    replace: `  let result: R | PromiseLike<R>
  if (signal?.aborted) throw signal.reason
`
  },
  {
    name: 'context lost: a task runs in the context of whoever came first',
    file: 'waiter-queue',
    find: 'return this.#turn.then(this.#take) as Promise<R>',
    replace: `const self = this as unknown as { callbacks?: (() => void)[] }
    if (self.callbacks === undefined) {
      self.callbacks = []
      this.#turn.then(() => self.callbacks?.forEach(callback => void callback()))
    }
    return new Promise<R>((resolve, reject) => {
      self.callbacks?.push(() => Promise.resolve().then(this.#take as () => R).then(resolve, reject))
    })`
  },
  {
    name: 'lost wake-up: one who had to wait a second time is not woken',
    file: 'waiter-queue',
    find: `if (ticket < this.#taken) (this.#gates[ticket] as Resolve<void>)()
    else`,
    replace: ''
  },
  {
    name: 'those who wait together are counted as one when they are sent away',
    file: 'waiter-queue',
    find: 'const count = this.#size',
    replace: 'const count = [...this.drain()].length'
  },

  // Leaving.
  {
    name: 'abort not unlinking: whoever gives up stays in line',
    file: 'waiter-queue',
    find: `this.exit(candidate)
`,
    replace: `
`
  },
  {
    name: 'whoever leaves is still counted',
    file: 'waiter-queue',
    find: `this.#size--
    if (others`,
    replace: 'if (others'
  },
  {
    name: 'listener not removed',
    file: 'waiter-queue',
    find: "signal.removeEventListener('abort', listener)",
    replace: ''
  },
  {
    name: 'a listener of its own for everyone who waits',
    file: 'waiter-queue',
    find: 'let subscription = subscriptions.get(signal)',
    replace: 'let subscription: Subscription | undefined'
  },
  { name: 'timer not cleared', file: 'waiter-queue', find: 'clearTimeout(this.#timer)', replace: '' },
  {
    name: 'a wait that is too long for a platform timer ends at once',
    file: 'waiter-queue',
    find: 'Math.min(left, LONGEST_TIMER)',
    replace: 'left'
  },
  {
    name: 'the reason of an abort is replaced',
    file: 'waiter-queue',
    find: 'this.#queue.leave(this, (this.signal as AbortSignal).reason)',
    replace: `this.#queue.leave(this, new Error('aborted'))`
  },
  {
    name: 'a signal that has aborted before its event reached the queue is granted',
    file: 'waiter-queue',
    find: 'if (this.signal?.aborted) {',
    replace: 'if (this.signal === null) {'
  },
  {
    name: 'a signal that is aborted already takes a free lock',
    file: 'waiter-queue',
    find: 'return signal?.aborted ? refuse(this.options?.observer, source, signal.reason) : undefined',
    replace: 'return undefined'
  },
  {
    name: 'timeout 0 waits',
    file: 'waiter-queue',
    find: 'if (options?.timeout === 0)\n      return this.#refuse(',
    replace: 'if (options?.timeout === -1)\n      return this.#refuse('
  },
  {
    name: 'onLeave hook dropped',
    file: 'waiter-queue',
    find: 'if (onLeave !== undefined) callOut(onLeave)',
    replace: ''
  },
  {
    name: 'onLeave is called for those whom grant passed over only when the line is empty',
    file: 'waiter-queue',
    find: 'if (passed > 0) this.#left()',
    replace: 'if (passed > 0 && place === undefined) this.#left()'
  },

  // Order.
  {
    name: 'order reversed: last come, first served',
    file: 'waiter-queue',
    find: `const last = lane.previous
    last.next = place
    place.previous = last
    place.next = lane
    lane.previous = place`,
    replace: `const first = lane.next
    first.previous = place
    place.next = first
    place.previous = lane
    lane.next = place`
  },
  {
    name: 'a low priority goes before none',
    file: 'waiter-queue',
    find: 'highest.priority < 0 && ',
    replace: 'highest.priority < -1 && '
  },
  {
    name: 'priorities get out of order when one of them has no more waiters',
    file: 'waiter-queue',
    find: 'if (last !== lane) this.#place(last, lane.index)',
    replace: 'if (last !== lane) this.#heap[(last.index = lane.index)] = last'
  },
  {
    name: 'an empty lane of a priority is kept',
    file: 'waiter-queue',
    find: 'if (next === previous && next !== this.#usual) (this.#lanes as Lanes<T>).delete(next as Lane<T>)',
    replace: ''
  },
  {
    name: 'leaving walks the line',
    file: 'waiter-queue',
    find: 'const { next, previous } = place\n    previous.next = next',
    replace: `const { next, previous } = place
    for (let at: Link<T> = this.#usual.next; at !== place && at !== this.#usual; ) at = at.next
    previous.next = next`
  },
  {
    name: 'maxWaiting is off by one',
    file: 'waiter-queue',
    find: 'this.#size < limit) return undefined',
    replace: 'this.#size <= limit) return undefined'
  },

  // Closing and sending away.
  {
    name: 'close leaves those who wait alone',
    file: 'waiter-queue',
    find: 'this.rejectWaiters(this.#closedReason)',
    replace: ''
  },
  {
    name: 'the last reason for closing stands',
    file: 'waiter-queue',
    find: 'if (this.#closed === undefined) {',
    replace: 'if (reason !== undefined || this.#closed === undefined) {'
  },
  {
    name: 'a falsy reason is taken for none',
    file: 'waiter-queue',
    find: '): void {\n    this.rejectWaiters(reason)',
    replace: "): void {\n    this.rejectWaiters(reason || new LockCancelledError('cancelled'))"
  },
  {
    name: 'whenFree resolves as soon as one key is free',
    file: 'waiter-queue',
    find: 'if (this.#spectators !== undefined && this.isFree) while',
    replace: 'if (this.#spectators !== undefined) while'
  },
  {
    name: 'whenFree ignores a signal on a free lock',
    file: 'waiter-queue',
    find: 'if (this.isFree && !options?.signal?.aborted) return',
    replace: 'if (this.isFree) return'
  },

  // Observers.
  {
    name: 'observer exception not isolated',
    file: 'lock',
    find: 'else observer?.[event]?.(request, reason)\n  } catch (error) {\n    report(error)\n  }',
    replace: 'else observer?.[event]?.(request, reason)\n  } finally {\n    void report\n  }'
  },
  {
    name: 'exception of onLeave not isolated',
    file: 'lock',
    find: 'try {\n    callback()\n  } catch (error) {\n    report(error)\n  }',
    replace: 'callback()'
  },
  {
    name: 'observer exception swallowed',
    file: 'lock',
    find: '  queueMicrotask(() => {\n    throw error\n  })\n',
    replace: '  void error\n'
  },
  {
    name: 'an observer is told of a departure before it has happened',
    file: 'waiter-queue',
    find: `this.exit(candidate)
    candidate.reject(reason, rejection)`,
    replace: `candidate.reject(reason, rejection)
    this.exit(candidate)`
  },
  {
    name: 'an observer is not told of the release of a lock that was waited for',
    file: 'waiter-queue',
    find: 'if (this.#request !== undefined && value instanceof Hold) value.request = this.#request',
    replace: ''
  },
  {
    name: 'an observer is not told of who is refused at once',
    file: 'lock',
    find: `if (observer !== undefined) tell(observer, 'abandoned', source.makeRequest(), reason)`,
    replace: ''
  },

  // Validation.
  {
    name: 'validation dropped: options that are null',
    file: 'lock',
    find: `must(isObject(options), source, 'options', 'an object', options)
  const { signal`,
    replace: `if (!isObject(options)) return
  const { signal`
  },
  {
    name: 'validation dropped: timeout',
    file: 'lock',
    find: `must(timeout === undefined || isTimeout, source, 'options.timeout', 'a number of ms >= 0', timeout)`,
    replace: 'void isTimeout'
  },
  {
    name: 'validation dropped: signal',
    file: 'lock',
    find: 'must(signal === undefined || isSignal,',
    replace: 'must(signal === undefined || isSignal || isObject(signal),'
  },
  {
    name: 'validation dropped: priority',
    file: 'lock',
    find: 'must(priority === undefined || Number.isFinite(priority),',
    replace: `must(priority === undefined || typeof priority === 'number',`
  },
  {
    name: 'validation dropped: task',
    file: 'mutex',
    find: `mustBeFunction(this, 'task', task)`,
    replace: ''
  },
  {
    name: 'validation late: options are looked at only when the lock is taken',
    file: 'mutex',
    find: 'options === undefined && !this.closed ? undefined',
    replace: '(options === undefined || !(this.locked || options?.signal)) && !this.closed ? undefined'
  },

  // Keys.
  { name: 'keyed entry not removed', file: 'keyed-mutex', find: 'this.#entries.delete(this.key)', replace: '' },
  {
    name: 'keyed entry removed too early: while somebody waits for it',
    file: 'keyed-mutex',
    find: `this.withdraw()
    super.advance()`,
    replace: `this.withdraw()
    this.#entries.delete(this.key)
    super.advance()`
  },
  {
    name: 'acquireMany not atomic: takes one key after another',
    file: 'keyed-mutex',
    find: 'return this.refusal(options, claim) ?? claim.admit(options)',
    replace: `const refusal = this.refusal(options, claim)
    if (refusal !== undefined) return refusal
    if (claim.free) return Promise.resolve(claim.seize())
    return (async () => {
      const locks: Lock[] = []
      for (const { key } of claim.entries) locks.push(await this.acquire(key, options))
      let held = true
      const release = () => {
        held = false
        for (const lock of locks) lock.release()
      }
      return { get held() { return held }, release, [Symbol.dispose]: release }
    })()`
  },
  {
    name: 'whoever wants many keys overtakes those who were there before',
    file: 'keyed-mutex',
    find: 'if (entry.locked) continue',
    replace: 'if (entry.locked && entry.promised === undefined) continue'
  },
  {
    name: 'whoever wants many keys takes those that are held',
    file: 'keyed-mutex',
    find: 'if (--this.claim.missing === 0) this.claim.take()',
    replace: 'this.claim.take()'
  },
  {
    name: 'whoever wanted many keys and leaves lets nobody through',
    file: 'keyed-mutex',
    find: 'for (const place of this.#places) if (place.entry.promised === place) place.entry.advance()',
    replace: ''
  },
  {
    name: 'sending all away leaves promised keys locked',
    file: 'keyed-mutex',
    find: 'for (const entry of entries) entry.review() // who was promised it is gone: the key is free',
    replace: ''
  },
  {
    name: 'a key named twice counts twice',
    file: 'keyed-mutex',
    find: 'Array.from(new Set(keys), key',
    replace: 'Array.from(keys, key'
  },
  {
    name: 'a string is taken for many keys',
    file: 'keyed-mutex',
    find: `typeof keys === 'object' && `,
    replace: `(typeof keys === 'string' || typeof keys === 'object') && `
  },
  {
    name: 'a higher priority does not get past a key that is promised',
    file: 'keyed-mutex',
    find: `entry.review()
  return waiting`,
    replace: 'return waiting'
  },
  {
    name: 'a higher priority for many keys does not get past keys that are promised',
    file: 'keyed-mutex',
    find: 'for (const { entry } of this.#places) entry.review() // a higher priority may have overtaken other claims everywhere',
    replace: ''
  },
  {
    name: 'a promise that was taken back still counts',
    file: 'keyed-mutex',
    find: 'this.promised.claim.missing++',
    replace: ''
  },
  {
    name: 'the stack of a timeout names nobody',
    file: 'waiter-queue',
    find: 'captureStackTrace?.(error, retrace)',
    replace: 'captureStackTrace'
  },
  {
    name: 'tryAcquireMany takes keys of a closed lock',
    file: 'keyed-mutex',
    find: 'return this.closed || !claim.free ?',
    replace: 'return !claim.free ?'
  },
  {
    name: 'whoever waits for many keys counts many times',
    file: 'keyed-mutex',
    find: 'for (const claim of this.#claims) waiting -= claim.entries.length - claim.waiting',
    replace: ''
  },
  {
    name: 'maxWaiting does not count for many keys',
    file: 'keyed-mutex',
    find: 'if (full !== undefined) return refuse((this.options as LockOptions).observer, this, full)',
    replace: ''
  }
]

/**
 * The folders of src with their faults, and the tests that are to catch them in one round or another. The quick ones
 * first: a fault that they catch needs no million of waiters.
 */
const AREAS = [
  {
    folder: 'core',
    faults: FAULTS_OF_CORE,
    rounds: [
      ['test/core', 'test/properties', '--exclude', '**/scale.test.ts', '--exclude', '**/linear.test.ts'],
      ['test/properties/linear.test.ts', 'test/properties/scale.test.ts']
    ]
  },
  {
    folder: 'primitives',
    faults: FAULTS_OF_PRIMITIVES,
    rounds: [['test/primitives', '--exclude', '**/pool-postgres.test.ts']]
  }
]

/** In seconds. A fault may make a test wait for ever: that is a way of being caught. */
const LIMIT = 180

const copy = mkdtempSync(join(tmpdir(), 'latchkey-faults-'))
const report = join(copy, 'report.json')

/** The first test that fails in the copy. @param {string[][]} rounds @returns {Promise<string | undefined>} */
async function firstFailure(rounds) {
  for (const round of rounds) {
    rmSync(report, { force: true })
    const args = ['run', ...round, '--bail', '1', '--reporter', 'json', '--outputFile', report]
    const child = spawn(process.execPath, [fromRoot('node_modules/vitest/vitest.mjs'), ...args], {
      cwd: copy,
      stdio: 'ignore',
      // A group of its own, so that a worker that never returns ends with it.
      detached: process.platform !== 'win32'
    })
    const late = setTimeout(() => {
      if (process.platform === 'win32' || child.pid === undefined) child.kill('SIGKILL')
      else process.kill(-child.pid, 'SIGKILL')
    }, LIMIT * 1000)
    /** @type {number | null} */
    const status = await new Promise(resolve => child.on('close', resolve))
    clearTimeout(late)
    if (status === null) return `no end within ${LIMIT} s`
    if (status !== 0) return firstOf(report)
  }
  return undefined
}

/** @param {string} report of a run that failed */
function firstOf(report) {
  /** @type {{ testResults: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const test = testResults.flatMap(file => file.assertionResults).find(({ status }) => status === 'failed')
  if (test) return test.fullName
  const unloaded = testResults.find(file => file.status === 'failed' && file.assertionResults.length === 0)
  if (unloaded) throw new Error(`${unloaded.name.slice(copy.length + 1)} does not load: mend the edit`)
  return 'an error outside of the tests'
}

/** @typedef {typeof AREAS[number]} Area */

/** @param {Area} area @param {Fault} fault */
const pathOf = ({ folder }, { file }) => join(copy, 'src', folder, `${file}.ts`)

/** @param {Area} area @param {Fault} fault */
const places = (area, fault) => readFileSync(pathOf(area, fault), 'utf8').split(fault.find).length - 1

/** @param {Area} area @param {Fault} fault @returns {Promise<string | undefined>} the first test that notices it */
async function caughtBy(area, fault) {
  const path = pathOf(area, fault)
  const source = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    source.replace(fault.find, () => fault.replace)
  )
  try {
    return await firstFailure(area.rounds)
  } finally {
    writeFileSync(path, source)
  }
}

/** @param {Area} area @param {Fault[]} chosen @returns {Promise<number>} how many of them were caught */
async function countCaught(area, chosen) {
  for (const fault of chosen)
    if (places(area, fault) !== 1)
      console.log(
        `FAIL ${fault.name}\n       no longer applies: found ${places(area, fault)} times in src/${area.folder}/${fault.file}.ts`
      )
  const broken = await firstFailure(area.rounds)
  if (broken !== undefined) {
    console.log(`FAIL without any fault\n       noticed by: ${broken}`)
    return 0
  }
  let caught = 0
  for (const fault of chosen.filter(fault => places(area, fault) === 1)) {
    const test = await caughtBy(area, fault)
    if (test !== undefined) caught++
    console.log(test === undefined ? `FAIL ${fault.name}\n       missed` : `ok   ${fault.name}\n       ${test}`)
  }
  return caught
}

try {
  for (const path of ['src', 'scripts', 'test/core', 'test/primitives', 'test/properties', 'test/fixtures'])
    cpSync(fromRoot(path), join(copy, path), { recursive: true })
  for (const path of ['package.json', 'vitest.config.ts', 'tsconfig.json', 'tsconfig.base.json'])
    cpSync(fromRoot(path), join(copy, path))
  symlinkSync(fromRoot('node_modules'), join(copy, 'node_modules'), 'junction')

  const words = process.argv.slice(2).join(' ')
  let [caught, all] = [0, 0]
  for (const area of AREAS) {
    const chosen = area.faults.filter(({ name }) => name.includes(words) || area.folder === words)
    if (chosen.length === 0) continue
    all += chosen.length
    caught += await countCaught(area, chosen)
  }
  console.log(`${caught} of ${all} faults caught`)
  if (caught < all || caught === 0) process.exitCode = 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}
