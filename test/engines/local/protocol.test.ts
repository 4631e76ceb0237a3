// What the names in the folder of a key say, and what a listing of them means: case by case. That it excludes is shown by
// the model.

import { describe, expect, test } from 'vitest'
import {
  type Entry,
  entryName,
  HIGHEST,
  isTemporaryName,
  judge,
  newId,
  nextNumber,
  PER_MS,
  parseEntry,
  temporaryName
} from '../../../src/engines/local/protocol.js'

const owner = { pid: 4711, namespace: '1swvsk', started: '2k9', thread: 37 }

describe('a name', () => {
  test('says who its owner is, in what order it comes, and nothing twice', () => {
    const ids = Array.from({ length: 100 }, () => newId(owner))
    expect(new Set(ids).size).toBe(100)
    for (const id of ids) expect(id).toMatch(/^2k9-11-[0-9a-z]{1,8}$/)
    // 40 bits: more than half of them have eight digits.
    expect(ids.filter(id => id.length > 'xxx-xx-'.length + 6).length).toBeGreaterThan(50)
    const name = entryName(5, owner, '2k9-11-abc')
    expect(name).toBe('q0000000000000005.x.4711.1swvsk.2k9-11-abc')
    expect(parseEntry(name)).toEqual({ ...owner, name, number: 5, shared: false })
    expect(temporaryName(owner, '2k9-11-abc')).toBe('t.4711.2k9-11-abc')
  })

  test('of a shared entry is told from that of another', () => {
    expect(parseEntry('q0000000000000005.s.1.0.0-0-a')).toMatchObject({ shared: true, number: 5, pid: 1 })
  })

  test.each([
    'q000000000000005.x.1.0.0-0-a',
    'q00000000000000005.x.1.0.0-0-a',
    'aq0000000000000005.x.1.0.0-0-a',
    'q0000000000000005.x.1.0.0-0-a.txt',
    'q0000000000000005.x.1.0.0-0-',
    'q0000000000000005.y.1.0.0-0-a',
    'q0000000000000005.x..0.0-0-a',
    'q0000000000000005.x.12345678901.0.0-0-a',
    'q0000000000000005.x.1..0-0-a',
    'q0000000000000005.x.1.0.-0-a',
    'q0000000000000005.x.1.0.0--a',
    'q0000000000000005.x.1.0.0-0-A',
    'q0000000000000005',
    `q${HIGHEST + 1}.x.1.0.0-0-a`
  ])('%s is that of something else', name => expect(parseEntry(name)).toBeUndefined())

  test('with the highest number is that of an entry', () => {
    expect(parseEntry(`q${HIGHEST}.x.1.0.0-0-a`)?.number).toBe(HIGHEST)
  })

  test.each([
    ['t.1.2k9-11-abc', true],
    ['t.12345.a', true],
    ['t.1.', false],
    ['t.1.A', false],
    ['t.x.abc', false],
    ['t..abc', false],
    ['at.1.abc', false],
    ['t.1.abc.txt', false],
    ['q0000000000000005.x.1.0.0-0-a', false]
  ])('%s is temporary: %s', (name, is) => expect(isTemporaryName(name)).toBe(is))
})

describe('a number', () => {
  test('is by the clock, and above the highest that was seen', () => {
    expect(nextNumber(2, -1, 0, 0)).toBe(2 * PER_MS + 1)
    expect(nextNumber(2.9, -1, 0, 0)).toBe(2 * PER_MS + 1)
    expect(nextNumber(2, 9000, 0, 0)).toBe(9001)
    expect(nextNumber(2, 2 * PER_MS, 0, 0)).toBe(2 * PER_MS + 1)
    expect(nextNumber(-5, -1, 0, 0)).toBe(0)
  })

  test('is spread at random, twice as far at each try, up to a limit', () => {
    const most = (tries: number) => nextNumber(0, 99, tries, 1 - 2 ** -40) - 100
    expect(most(0)).toBe(15)
    expect(most(1)).toBe(31)
    expect(most(2)).toBe(63)
    expect(most(16)).toBe(2 ** 20 - 1)
    expect(most(60)).toBe(2 ** 20 - 1)
    expect(nextNumber(0, 99, 0, 0.5)).toBe(108)
  })

  test('differs for those that come at once', () => {
    expect(new Set(Array.from({ length: 100 }, () => nextNumber(1, -1, 10))).size).toBeGreaterThan(50)
  })
})

describe('a listing', () => {
  const at = (number: number, mode: 'x' | 's' = 'x', id = 'a') =>
    `q${String(number).padStart(16, '0')}.${mode}.1.0.0-0-${id}`
  interface Case {
    readonly names: readonly string[]
    readonly own?: number
    readonly shared?: boolean
    readonly verified?: boolean
    readonly gone?: readonly string[]
    readonly foreign?: readonly string[]
  }
  /** Judges for entry 10, and notes what was asked. */
  function look({ names, own = 10, shared = false, verified = false, gone = [], foreign = [] }: Case) {
    const asked: string[] = []
    const verdict = judge(
      names,
      { name: at(own, shared ? 's' : 'x'), number: own, shared },
      verified,
      ({ name }: Entry) => {
        asked.push(`gone ${name}`)
        return gone.includes(name)
      },
      ({ name }: Entry) => {
        asked.push(`ours ${name}`)
        return !foreign.includes(name)
      }
    )
    return { verdict, asked }
  }
  const entry = (name: string) => parseEntry(name)
  const own = at(10)

  test('without the own name tells nothing but that', () => {
    expect(look({ names: [] }).verdict).toEqual({ is: 'missing' })
    expect(look({ names: [at(11), at(3)] }).verdict).toEqual({ is: 'missing' })
  })

  test('of the own name alone: it holds', () => {
    expect(look({ names: [own] })).toEqual({ verdict: { is: 'first', below: [] }, asked: [] })
    expect(look({ names: [own, own] }).verdict.is).toBe('first')
  })

  test('what is no entry is left aside, and not asked for', () => {
    const { verdict, asked } = look({ names: ['1.json', 't.1.a', own, 'q1', '.hidden'] })
    expect(verdict).toEqual({ is: 'first', below: [] })
    expect(asked).toEqual([])
  })

  test('a number that is not lower comes first, until none was there once', () => {
    expect(look({ names: [own, at(12), at(11)] }).verdict).toEqual({ is: 'outrun', highest: 12 })
    expect(look({ names: [at(11), at(12), own] }).verdict).toEqual({ is: 'outrun', highest: 12 })
    expect(look({ names: [own, at(10, 'x', 'b')] }).verdict).toEqual({ is: 'outrun', highest: 10 })
    expect(look({ names: [at(3), own, at(11)] }).verdict).toEqual({ is: 'outrun', highest: 11 })
    expect(look({ names: [own, at(11)], verified: true })).toEqual({ verdict: { is: 'first', below: [] }, asked: [] })
  })

  test('unless it is the name of something else', () => {
    expect(look({ names: [own, at(12), at(11)], foreign: [at(12)] }).verdict).toEqual({ is: 'outrun', highest: 11 })
    expect(look({ names: [own, at(12)], foreign: [at(12)] }).verdict).toEqual({ is: 'first', below: [] })
  })

  test('asks about no more of those than it must', () => {
    expect(look({ names: [at(12), at(11), own] }).asked).toEqual([`ours ${at(12)}`])
    expect(look({ names: [at(12), at(12, 'x', 'b'), own] }).asked).toEqual([`ours ${at(12)}`])
  })

  test('the number zero is a number', () => {
    expect(look({ names: [at(0), at(0, 'x', 'b')], own: 0 }).verdict).toEqual({ is: 'outrun', highest: 0 })
  })

  test('the nearest lower one that is not gone is the one to wait for', () => {
    expect(look({ names: [at(2), own, at(7), at(5)] }).verdict).toEqual({ is: 'behind', entries: [entry(at(7))] })
    expect(look({ names: [at(7), at(2), own] }).verdict).toEqual({ is: 'behind', entries: [entry(at(7))] })
    expect(look({ names: [at(7), at(5), own], gone: [at(7)] }).verdict).toEqual({
      is: 'behind',
      entries: [entry(at(5))]
    })
    // Two of one number: they have not looked yet. The first that is seen will do.
    expect(look({ names: [at(7), at(7, 'x', 'b'), own] }).verdict).toEqual({ is: 'behind', entries: [entry(at(7))] })
  })

  test('asks about no lower one than it must', () => {
    expect(look({ names: [at(7), at(5), own] }).asked).toEqual([`gone ${at(7)}`])
  })

  test('where all that are lower are gone it holds, and says which those are', () => {
    const names = [at(2), own, at(7)]
    expect(look({ names, gone: names }).verdict).toEqual({ is: 'first', below: [entry(at(2)), entry(at(7))] })
  })

  test('shared entries wait for those that are not, and not for each other', () => {
    const mine = at(10, 's')
    expect(look({ names: [at(7, 's'), mine], shared: true }).verdict).toMatchObject({ is: 'first' })
    expect(look({ names: [at(7, 's'), at(5), mine], shared: true }).verdict).toEqual({
      is: 'behind',
      entries: [entry(at(5))]
    })
    expect(look({ names: [at(7, 's'), own] }).verdict).toEqual({ is: 'behind', entries: [entry(at(7, 's'))] })
    expect(look({ names: [at(7), mine], shared: true }).verdict).toEqual({ is: 'behind', entries: [entry(at(7))] })
  })
})
