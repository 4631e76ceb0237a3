// Every lock of test/fixtures/locks through what the command is made of: what is broken is found, and nothing in a sound one.
//
// Each is examined in a process of its own, as the command does it; that the command says the same is looked at once. A
// broken one is played to the depth at which its faults are known to show. A sound one is looked at as long as a user's is.

import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { fromRoot, manifest } from '../../scripts/project.js'
import type { Guarantee, Report } from '../../src/testing/index.js'
import { fixtures } from '../fixtures/locks/index.js'
import { wild } from '../fixtures/locks/wild/index.js'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

type Import<T> = (file: string) => Promise<T>
const built = (file: string) => import(fromRoot(`dist/esm/cli/${file}`))
const { examine, CannotRun } = await (built as Import<typeof import('../../src/cli/examine.js')>)('examine.js')
const { judge } = await (built as Import<typeof import('../../src/cli/judgement.js')>)('judgement.js')
const { readArguments } = await (built as Import<typeof import('../../src/cli/usage.js')>)('usage.js')

const pathOf = (file: string) => fromRoot(`test/fixtures/locks/${file}`)

/** No fault of a fixture takes more steps. */
const DEEP_ENOUGH = ['--depth', '5']

/** What the command would exit with, and report; no report where it could not be run. */
async function check(file: string, ...flags: string[]): Promise<{ code: 0 | 1 | 2; report?: Report }> {
  const command = readArguments(['check', pathOf(file), '--waiters', '0', ...flags])
  if (command.command !== 'check') throw new Error('no check')
  try {
    const { report, stopped } = await examine(pathOf(file), undefined, command, () => {})
    return { code: judge(report, command, stopped === undefined).code, report }
  } catch (error) {
    if (error instanceof CannotRun) return { code: 2 }
    throw error
  }
}

const named = ({ verdicts }: Report, tier: 'broken' | 'policy'): Guarantee[] =>
  verdicts.filter(({ verdict }) => verdict === tier).map(({ guarantee }) => guarantee)

describe('the corpus', () => {
  test.concurrent.each(fixtures)('$file', { timeout: 120_000 }, async ({ file, broken, policy, shape }) => {
    const isBroken = broken.length > 0
    const { code, report } = await check(file, '--strict', ...(isBroken ? DEEP_ENOUGH : []))
    if (!report) throw new Error('it could not be run')
    expect(report.shape).toBe(shape)
    expect(report.doubts).toEqual([])
    if (!isBroken) expect(named(report, 'broken')).toEqual([])
    else expect(named(report, 'broken')).toEqual(expect.arrayContaining([...broken]))
    expect(named(report, 'policy')).toEqual(expect.arrayContaining([...policy]))
    if (broken.length + policy.length === 0) expect(named(report, 'policy')).toEqual([])
    expect(report.outcome).toBe(isBroken ? 'broken' : 'holds')
    // A policy fails only where that is asked for.
    expect(code).toBe(broken.length + policy.length === 0 ? 0 : 1)
  })
})

describe('locks in the wild', () => {
  test.concurrent.each(wild)('$file is $says', { timeout: 120_000 }, async ({ file, verdicts }) => {
    const isBroken = verdicts.every(({ outcome }) => outcome === 'broken')
    // A long queue is what that one is about.
    const flags = file === 'quadratic.js' ? ['--waiters', '100000'] : isBroken ? DEEP_ENOUGH : []
    const { code, report } = await check(`wild/${file}`, ...flags)
    const outcome = code === 0 ? 'holds' : code === 1 ? 'broken' : 'unsure'
    expect(verdicts.map(({ outcome }) => outcome)).toContain(outcome)
    if (!report) return
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

describe('the command says the same', () => {
  const run = (...args: string[]): Promise<Ended> =>
    new Promise(resolve => {
      const command = [fromRoot(manifest.bin.latchkey), 'check', ...args, '--json', '--waiters', '0']
      execFile(process.execPath, command, { cwd: fromRoot('.'), timeout: 100_000 }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
      })
    })

  test.concurrent.each([
    ['broken/double-release.ts', 1, 'broken'],
    ['sound/hand-off.ts', 0, 'holds'],
    ['wild/debounce.js', 2, 'unsure']
  ] as const)('%s', { timeout: 120_000 }, async (file, code, outcome) => {
    const ended = await run(pathOf(file), '--depth', '4')
    expect({ ...ended, stdout: '' }).toEqual({ code, stdout: '', stderr: '' })
    const said = JSON.parse(ended.stdout) as Report & { schema: number; error?: string }
    expect(said.schema).toBe(1)
    const { code: same, report } = await check(file, '--depth', '4')
    expect(same).toBe(code)
    expect(said.outcome ?? 'unsure').toBe(outcome)
    expect(said.verdicts?.map(({ verdict }) => verdict)).toEqual(report?.verdicts.map(({ verdict }) => verdict))
  })
})
