// Every lock of test/fixtures/locks through the built command: what is broken is found, and nothing in a sound one. A broken
// one is played to the depth at which its faults are known to show; a sound one is looked at as long as a user's is.

import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { fromRoot, manifest } from '../../scripts/project.js'
import { Semaphore } from '../../src/index.js'
import type { Report } from '../../src/testing/index.js'
import { fixtures } from '../fixtures/locks/index.js'
import { wild } from '../fixtures/locks/wild/index.js'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What the command says of one of several files. */
type Told = Partial<Report> & { readonly file: string; readonly exitCode: number }

const run = (args: readonly string[]): Promise<Ended> =>
  new Promise(resolve => {
    const command = [fromRoot(manifest.bin.latchkey), 'check', '--json', '--waiters', '0', ...args]
    // A fault of the command must fail the test, and not hang it.
    execFile(
      process.execPath,
      command,
      { cwd: fromRoot('.'), timeout: 280_000, killSignal: 'SIGKILL', maxBuffer: 1e8 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
    )
  })

/** One command for as many files: it takes a while to start. */
const AT_ONCE = 8
/** The commands do the work, and this process waits. */
const lanes = new Semaphore(Math.min(2, availableParallelism()))

/**
 * Checks locks, several with each command that has the same flags, as soon as the first of them is asked for. The commands run in
 * the order of the tests, so that no test waits for longer than one of them takes.
 */
function checks<T extends { readonly file: string }>(locks: readonly T[], flagsOf: (lock: T) => readonly string[]) {
  const groups: { readonly flags: readonly string[]; readonly files: string[] }[] = []
  for (const lock of locks) {
    const flags = flagsOf(lock)
    const group = groups.findLast(group => group.flags.join() === flags.join())
    if (group && group.files.length < AT_ONCE) group.files.push(lock.file)
    else groups.push({ flags, files: [lock.file] })
  }
  let started: Map<string, Promise<Told & { readonly stderr: string }>> | undefined
  const start = () => {
    const all: typeof started = new Map()
    for (const { flags, files } of groups) {
      const ended = lanes.run(() => run([...files.map(file => `test/fixtures/locks/${file}`), ...flags]))
      for (const [i, file] of files.entries()) {
        const told = ended.then(({ stdout, stderr }) => {
          const json = JSON.parse(stdout)
          expect(json.schema).toBe(1)
          const result: Told = files.length === 1 ? json : json.results[i]
          expect(result.file).toContain(file)
          return { ...result, stderr }
        })
        told.catch(() => {}) // It is the test of this file that fails, when it comes to it.
        all.set(file, told)
      }
    }
    return all
  }
  return async (file: string) => {
    started ??= start()
    return (await started.get(file)) as Told & { readonly stderr: string }
  }
}

/** No fault of a fixture takes more steps. */
const DEEP_ENOUGH = ['--depth', '5']

const named = ({ verdicts = [] }: Told, tier: 'broken' | 'policy'): readonly string[] =>
  verdicts.filter(({ verdict }) => verdict === tier).map(({ guarantee }) => guarantee)

describe('the corpus', () => {
  const check = checks(fixtures, ({ broken }) => ['--strict', ...(broken.length > 0 ? DEEP_ENOUGH : [])])

  test.each(fixtures)('$file', { timeout: 300_000 }, async ({ file, broken, policy, shape }) => {
    const report = await check(file)
    expect(report.stderr).toBe('')
    expect(report.shape).toBe(shape)
    expect(report.doubts).toEqual([])
    if (broken.length === 0) expect(named(report, 'broken')).toEqual([])
    else expect(named(report, 'broken')).toEqual(expect.arrayContaining([...broken]))
    expect(named(report, 'policy')).toEqual(expect.arrayContaining([...policy]))
    if (broken.length + policy.length === 0) expect(named(report, 'policy')).toEqual([])
    expect(report.outcome).toBe(broken.length === 0 ? 'holds' : 'broken')
    // A policy fails only where that is asked for.
    expect(report.exitCode).toBe(broken.length + policy.length === 0 ? 0 : 1)
  })
})

describe('locks in the wild', () => {
  const locks = wild.map(({ file, ...lock }) => ({ ...lock, file: `wild/${file}` }))
  const check = checks(locks, ({ file, verdicts }) => {
    // A long queue is what that one is about.
    if (file === 'wild/quadratic.js') return ['--waiters', '100000']
    return verdicts.every(({ outcome }) => outcome === 'broken') ? DEEP_ENOUGH : []
  })

  test.each(locks)('$file is $says', { timeout: 300_000 }, async ({ file, verdicts }) => {
    const report = await check(file)
    const outcome = report.exitCode === 0 ? 'holds' : report.exitCode === 1 ? 'broken' : 'unsure'
    expect(verdicts.map(({ outcome }) => outcome)).toContain(outcome)
    if (!report.verdicts) return
    // Nothing is accused that was not judged so by reading, and what was is found. A lock may be judged in several ways.
    if (outcome !== 'broken') expect(named(report, 'broken')).toEqual([])
    const amiss = named(report, outcome === 'broken' ? 'broken' : 'policy')
    const judged = verdicts.filter(verdict => verdict.outcome === outcome).map(verdict => verdict.amiss)
    const fits = (expected: readonly string[]) =>
      expected.every(guarantee => amiss.includes(guarantee)) &&
      (outcome !== 'holds' || expected.length > 0 || amiss.length === 0)
    expect(judged.some(fits), `${amiss} is none of ${judged.join(' | ')}`).toBe(true)
  })
})
