// A schedule as a test that runs by itself, with `node --test` or with Vitest: it needs nothing but the file, and the package
// where it is used. It asks of the lock what every lock should do, so on a lock with a fault it fails.

/// <reference path="./raw.d.ts" />
import handRolled from './hand-rolled.js?raw'
import type { Moment } from './run.js'
import { LOCKS, type LockName, type Schedule, type Step } from './schedule.js'

interface Recipe {
  readonly made: string
  /** Names the class when it is not latchkey's. */
  readonly byHand?: string
  /** What is true of all holders at the same time. */
  readonly fits: string
}

function recipeFor({ lock, size }: Schedule): Recipe {
  const alone = 'holders.length <= 1'
  const orRead = `${alone} || holders.every(({ what }) => what === 'read')`
  const recipes: Record<LockName, Recipe> = {
    mutex: { made: 'new Mutex()', fits: alone },
    keyed: {
      made: 'new KeyedMutex()',
      fits: 'holders.every(a => holders.every(b => a === b || !a.what.some(key => b.what.includes(key))))'
    },
    semaphore: { made: `new Semaphore(${size})`, fits: `holders.reduce((sum, { what }) => sum + what, 0) <= ${size}` },
    rw: { made: 'new ReadWriteLock()', fits: orRead },
    buggy: { made: 'new BuggyMutex()', byHand: 'BuggyMutex', fits: alone },
    repaired: { made: 'new RepairedMutex()', byHand: 'RepairedMutex', fits: alone },
    chain: { made: 'new PromiseChain()', byHand: 'PromiseChain', fits: alone },
    'readers-first': { made: 'new ReadersFirst()', byHand: 'ReadersFirst', fits: orRead }
  }
  return recipes[lock]
}

export const RUNNERS = {
  'node:test': {
    how: 'Run it with `node --test`.',
    imports: "import assert from 'node:assert/strict'\nimport { test } from 'node:test'",
    equal: (value: string, expected: string, message: string) => `assert.deepEqual(${value}, ${expected}${message})`
  },
  vitest: {
    how: 'Run it with `npx vitest run`.',
    imports: "import { expect, test } from 'vitest'",
    equal: (value: string, expected: string, message: string) => `expect(${value}${message}).toEqual(${expected})`
  }
} as const

export type Runner = keyof typeof RUNNERS

/** @param moments of that schedule, from its run: a step that could not happen is not in the test */
export function toTest(
  schedule: Schedule,
  moments: readonly Moment[],
  address = '',
  runner: Runner = 'node:test'
): string {
  const { how, imports, equal } = RUNNERS[runner]
  const { made, byHand, fits } = recipeFor(schedule)
  const steps = schedule.steps.flatMap((step, i) => line(schedule.lock, step, moments[i]) ?? [])
  const first =
    schedule.lock === 'keyed' ? { client: 'Z', verb: 'acquire', what: 'a+b' } : { client: 'Z', verb: 'acquire' }
  const last = { ...first, ...(schedule.lock === 'semaphore' && { what: `${schedule.size}` }) } as Step
  return `// From the lock theatre: ${LOCKS[schedule.lock].title}. ${how}
${address === '' ? '' : `// ${address}\n`}${imports}
${byHand === undefined ? `import { ${/\w+(?=\()/.exec(made)?.[0]} } from 'latchkey'` : `\n${classOf(byHand)}`}

test('every client is served, in order, and never too many at once', async () => {
  const lock = ${made}

${steps.map(step => `  ${step}\n`).join('')}
  // Each holder that can release does, and then a newcomer asks. By then no client may still wait.
  for (let able = ableToGo(); able.length > 0; able = ableToGo()) for (const { client } of able) await release(client)
  ${ask(schedule.lock, last)}
  ${equal('faults', '[]', '')}
  ${equal('requests.filter(isWaiting).map(({ client }) => client)', '[]', ", 'these wait forever'")}
})

${harness(fits)}`
}

function line(lock: LockName, step: Step, before: Moment | undefined): string | undefined {
  const { client, verb } = step
  const can = before?.can.get(client)
  if (verb === 'acquire' || verb === 'read' || verb === 'write') return can?.has('ask') ? ask(lock, step) : undefined
  if (!can?.has(verb)) return undefined
  if (verb === 'work') return `// ${client} works`
  if (verb === 'release') return `await release('${client}')`
  if (verb === 'again') return `await releaseAgain('${client}')`
  return `await leave('${client}')${verb === 'timeout' ? ' // its time is up' : ''}`
}

function ask(lock: LockName, { client, verb, what }: Step): string {
  const name = `'${client}'`
  if (lock === 'rw') {
    const write = verb !== 'read'
    return `await ask(${name}, '${write ? 'write' : 'read'}', signal => lock.acquire${write ? 'Write' : 'Read'}({ signal }))`
  }
  if (lock === 'readers-first') {
    const kind = `'${verb === 'read' ? 'read' : 'write'}'`
    return `await ask(${name}, ${kind}, () => lock.acquire(${kind}))`
  }
  if (lock === 'keyed') {
    const keys = `[${what
      ?.split('+')
      .map(key => `'${key}'`)
      .join(', ')}]`
    return `await ask(${name}, ${keys}, signal => lock.acquireMany(${keys}, { signal }))`
  }
  if (lock === 'semaphore') return `await ask(${name}, ${what}, signal => lock.acquire({ permits: ${what}, signal }))`
  return lock === 'mutex'
    ? `await ask(${name}, 1, signal => lock.acquire({ signal }))`
    : `await ask(${name}, 1, () => lock.acquire())`
}

/** The text of one of the classes that are written by hand, with the comment above it. */
function classOf(name: string): string {
  const found = new RegExp(`(?:/\\*\\*[^\\n]*\\*/\\n)?export (class ${name} \\{\\n[\\s\\S]*?\\n\\})`).exec(handRolled)
  return (found?.[1] ?? '').replaceAll(/^ *\/\*\* @(?:returns|type|param) .*\*\/\n/gm, '')
}

const harness = (fits: string) => `// What each client does, and what is seen of it.
const requests = []
const faults = []
const isWaiting = ({ state }) => state === 'waits'
const allMicrotasks = () => new Promise(resolve => setImmediate(resolve))
const meet = (a, b) => !Array.isArray(a.what) || a.what.some(key => b.what.includes(key))

async function ask(client, what, acquire) {
  const controller = new AbortController()
  const request = { client, what, state: 'waits', controller }
  requests.push(request)
  acquire(controller.signal).then(
    lock => {
      if (request.state === 'left') return // its caller has stopped looking
      request.state = 'holds'
      request.letGo = typeof lock === 'function' ? lock : () => lock.release()
      const earlier = requests.slice(0, requests.indexOf(request)).filter(isWaiting)
      for (const other of earlier) if (meet(request, other)) faults.push(\`\${client} went past \${other.client}\`)
      const holders = requests.filter(({ state }) => state === 'holds')
      if (!(${fits})) faults.push(\`\${holders.map(({ client }) => client).join(' and ')} hold the lock at once\`)
    },
    () => {}
  )
  await allMicrotasks()
}

function ableToGo() {
  const waiting = new Set(requests.filter(isWaiting).map(({ client }) => client))
  return requests.filter(({ client, state }) => state === 'holds' && !waiting.has(client))
}

async function release(client) {
  for (const request of requests) {
    if (request.client !== client || request.state !== 'holds') continue
    request.state = 'released'
    request.letGo()
  }
  await allMicrotasks()
}

async function releaseAgain(client) {
  requests.findLast(request => request.client === client && request.state === 'released').letGo()
  await allMicrotasks()
}

async function leave(client) {
  const request = requests.find(request => request.client === client && isWaiting(request))
  request.state = 'left'
  request.controller.abort()
  await allMicrotasks()
}
`
