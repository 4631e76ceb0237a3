// The protocol in all interleavings of three threads, each of which may end at any step. That the model notices what is wrong
// is shown by protocols that are wrong: places.ts with one change each.

import { readFileSync } from 'node:fs'
import { transformSync } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { Places } from '../../src/threads/places.js'
import { explore, type Phase, type World } from './model.js'

const section: Phase[] = [
  (places, { enter }) => {
    places.takeAbandoned()
    enter()
    return 2
  },
  (_, { exit }) => {
    exit()
    return 3
  },
  places => {
    places.leave()
    return undefined
  }
]
/** Joins, sleeps until it holds, holds, leaves. */
const patient: Phase[] = [
  places => (places.join() ? 1 : 4),
  ...section,
  places => {
    places.sleep(Infinity)
    return 1
  }
]
/** Joins, and leaves again unless it holds by then. */
const impatient: Phase[] = [places => (places.join() ? 1 : 4), ...section, places => (places.sleep(0) ? 1 : 3)]
/** Holds only if no other thread does. */
const trying: Phase[] = [places => (places.tryJoin() ? 1 : undefined), ...section]

const world = (programs: World['programs'], more: Partial<World> = {}): World => ({
  Places,
  programs,
  deaths: 0,
  ...more
})

const WORLDS: Record<string, World> = {
  'three that wait': world([patient, patient, patient]),
  'two that wait, and one that gives up': world([patient, patient, impatient]),
  'two that wait, one ends': world([patient, patient], { deaths: 1 }),
  'one holds, two wait, one of them ends': world([patient, patient, patient], { deaths: 1, firstHolds: true }),
  'one holds, one gives up, one tries, one of them ends': world([patient, impatient, trying], {
    deaths: 1,
    firstHolds: true
  }),
  'a worker ends, and then the thread that repairs it': world([patient, patient], {
    deaths: 2,
    firstHolds: true,
    watchers: [undefined, 0]
  }),
  'the same, and the worker holds': world([patient, patient], { deaths: 2, firstHolds: true, watchers: [1, undefined] })
}

/** Minutes, all together: for `npm run chaos:threads`. */
const LARGE: Record<string, World> = {
  'three that wait, one ends': world([patient, patient, patient], { deaths: 1 }),
  'two that wait, both end': world([patient, patient], { deaths: 2 }),
  'one that waits, one that gives up, one that tries, one ends': world([patient, impatient, trying], { deaths: 1 })
}

describe('in all interleavings', () => {
  test.each(Object.entries(process.env.CHAOS === undefined ? WORLDS : { ...WORLDS, ...LARGE }))(
    '%s',
    (_, world) => {
      const { states, violation } = explore(world)
      expect(violation).toBeUndefined()
      expect(states).toBeGreaterThan(300)
    },
    600_000
  )
})

const source = readFileSync(fromRoot('src/threads/places.ts'), 'utf8')

/** places.ts with one thing changed. */
async function changed(from: string, to: string, without = ''): Promise<typeof Places> {
  expect(source.split(from), `places.ts has this once: ${from}`).toHaveLength(2)
  const { code } = transformSync(source.replace(from, to).replace(without, ''), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022'
  })
  const url = `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
  return ((await import(/* @vite-ignore */ url)) as { Places: typeof Places }).Places
}

describe('the model notices a protocol', () => {
  const dying = { deaths: 1, firstHolds: true }
  test.each<[name: string, from: string, to: string, world: World, violation: RegExp, without?: string]>([
    [
      'that wakes no thread when one leaves',
      'if (next && (ended || isHolder)) this.ring(Number(next & 15n))',
      '',
      world([patient, patient]),
      /sleep forever/
    ],
    [
      'that looks at its cell after the word',
      'const rings = this.rings(this.me)\n      if (this.holds()) return true',
      'if (this.holds()) return true\n      const rings = this.rings(this.me)',
      world([patient, patient]),
      /sleep forever/
    ],
    [
      'whose ring does not change the cell',
      'Atomics.add(this.#cells, BELLS + thread, 1)',
      '',
      world([patient, patient]),
      /sleep forever/
    ],
    [
      'that joins without a compare-and-swap',
      'const found = Atomics.compareExchange(this.#word, 0, seen, seen | (this.#own << end))\n      if (found === seen) return !seen',
      'seen = Atomics.load(this.#word, 0)\n      Atomics.store(this.#word, 0, seen | (this.#own << end))\n      return !seen\n      const found = seen',
      world([patient, patient]),
      /hold at once|sleep forever|were served in the order/
    ],
    [
      'that takes an empty word for its own',
      'if (found === seen) return !seen',
      'if (found === seen || found === 0n) return true',
      world([patient, patient, patient]),
      /hold at once|sleep forever|were served in the order/
    ],
    [
      'whose repair does not ring again for the holder',
      'ended || isHolder',
      'isHolder',
      world([patient, patient], dying),
      /sleep forever/
    ],
    [
      'whose repair does not tell the next holder',
      'if (ended && isHolder) Atomics.store(this.#cells, ABANDONED, 1)',
      '',
      world([patient, patient], dying),
      /is not told/
    ],
    [
      'whose repair tells the next holder too late',
      'if (found === seen) {\n        //',
      'if (found === seen) {\n        if (ended && isHolder) Atomics.store(this.#cells, ABANDONED, 1)\n        //',
      world([patient, patient], dying),
      /is not told/,
      'if (ended && isHolder) Atomics.store(this.#cells, ABANDONED, 1)'
    ],
    [
      'whose repair leaves the thread in the word',
      'this.#remove(BigInt(thread), Atomics.load(this.#word, 0), true)',
      '',
      world([patient, patient], dying),
      /sleep forever|word is left/
    ],
    [
      'whose repair does not know the workers of the thread',
      'if ((note & 15) !== thread) continue',
      'continue',
      world([patient, patient], { deaths: 2, firstHolds: true, watchers: [1, undefined] }),
      /keep their numbers|sleep forever|word is left/
    ],
    [
      'whose repair does not go on with what the ended thread had begun',
      'this.#repairAll(REPAIR | thread)',
      '',
      world([patient, patient], { deaths: 2, firstHolds: true, watchers: [1, undefined] }),
      /keep their numbers|sleep forever|word is left/
    ]
  ])('%s', async (_, from, to, world, violation, without) => {
    const { violation: found } = explore({ ...world, Places: await changed(from, to, without) })
    expect(found).toMatch(violation)
  })
})
