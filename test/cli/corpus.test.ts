// Every lock of test/fixtures/locks through the built command: what is broken is found, and nothing in a sound one. A broken
// one is played to the depth at which its faults are known to show; a sound one is looked at as long as a user's is.

import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { fromRoot, manifest } from '../../scripts/project.js'
import type { Report } from '../../src/testing/index.js'
import { fixtures } from '../fixtures/locks/index.js'
import { wild } from '../fixtures/locks/wild/index.js'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const check = (file: string, ...flags: string[]): Promise<Ended> =>
  new Promise(resolve => {
    const path = fromRoot(`test/fixtures/locks/${file}`)
    const args = [fromRoot(manifest.bin.latchkey), 'check', path, '--json', '--waiters', '0', ...flags]
    execFile(process.execPath, args, { cwd: fromRoot('.'), timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })

/** No fault of a fixture takes more steps. */
const DEEP_ENOUGH = ['--depth', '5']

const named = ({ verdicts }: Report, tier: 'broken' | 'policy') =>
  verdicts.filter(({ verdict }) => verdict === tier).map(({ guarantee }) => guarantee)

describe('the corpus', () => {
  test.concurrent.each(fixtures)('$file', { timeout: 120_000 }, async ({ file, broken, policy, shape }) => {
    const { code, stdout, stderr } = await check(file, '--strict', ...(broken.length > 0 ? DEEP_ENOUGH : []))
    expect(stderr).toBe('')
    const report: Report = JSON.parse(stdout)
    expect(report.shape).toBe(shape)
    expect(report.doubts).toEqual([])
    if (broken.length === 0) expect(named(report, 'broken')).toEqual([])
    else expect(named(report, 'broken')).toEqual(expect.arrayContaining([...broken]))
    expect(named(report, 'policy')).toEqual(expect.arrayContaining([...policy]))
    if (broken.length + policy.length === 0) expect(named(report, 'policy')).toEqual([])
    expect(report.outcome).toBe(broken.length === 0 ? 'holds' : 'broken')
    // A policy fails only where that is asked for.
    expect(code).toBe(broken.length + policy.length === 0 ? 0 : 1)
  })
})

describe('locks in the wild', () => {
  test.concurrent.each(wild)('$file is $says', { timeout: 120_000 }, async ({ file, verdicts }) => {
    const isBroken = verdicts.every(({ outcome }) => outcome === 'broken')
    // A long queue is what that one is about.
    const flags = file === 'quadratic.js' ? ['--waiters', '100000'] : isBroken ? DEEP_ENOUGH : []
    const { code, stdout } = await check(`wild/${file}`, ...flags)
    const result = JSON.parse(stdout) as Partial<Report> & { schema: number }
    expect(result.schema).toBe(1)
    const outcome = code === 0 ? 'holds' : code === 1 ? 'broken' : 'unsure'
    expect(verdicts.map(({ outcome }) => outcome)).toContain(outcome)
    if (!result.verdicts) return
    const report = result as Report
    // Nothing is accused that was not judged so by reading, and what was is found. A lock may be judged in several ways.
    if (outcome !== 'broken') expect(named(report, 'broken')).toEqual([])
    const amiss = named(report, outcome === 'broken' ? 'broken' : 'policy')
    const judged = verdicts.filter(verdict => verdict.outcome === outcome).map(verdict => verdict.amiss)
    const fits = (expected: readonly string[]) =>
      expected.every(guarantee => (amiss as readonly string[]).includes(guarantee)) &&
      (outcome !== 'holds' || expected.length > 0 || amiss.length === 0)
    expect(judged.some(fits), `${amiss} is none of ${judged.join(' | ')}`).toBe(true)
  })
})
