// The forms in which results are written, and what they mean for the exit code.

import { describe, expect, test } from 'vitest'
import type { Examined } from '../../src/cli/examine.js'
import { codeOf, judge, NOT_RUN, type Result } from '../../src/cli/judgement.js'
import { reporterFor } from '../../src/cli/reporters.js'
import { type CheckCommand, readArguments } from '../../src/cli/usage.js'
import type { Report, Verdict } from '../../src/testing/index.js'

const command = (line = ''): CheckCommand => {
  const read = readArguments(['check', 'lock.js', ...line.split(' ').filter(word => word !== '')])
  if (read.command !== 'check') throw new Error('not a check')
  return read
}

const at = `${process.cwd()}/src/lock.ts`
const verdicts: readonly Verdict[] = [
  { guarantee: 'G1', name: 'exclusion', verdict: 'holds' },
  { guarantee: 'G2', name: 'hand-off', verdict: 'policy', why: 'A, 100 % first: B' },
  {
    guarantee: 'G4',
    name: 'ownership',
    verdict: 'broken',
    why: 'C & <B> hold',
    cause: { text: 'Two\nlines.', member: 'acquire', file: at, line: 7 },
    schedule: ['A acquires', 'A releases']
  },
  { guarantee: 'G9', name: 'scale', verdict: 'not tried', why: 'it was left out' }
]

const reportOf = (
  verdicts: readonly Verdict[],
  outcome: Report['outcome'],
  doubts: readonly string[] = []
): Report => ({
  outcome,
  shape: 'mutex: acquire()',
  kind: 'mutex',
  keyed: false,
  doubts,
  driven: ['acquire'],
  leftOut: ['obtain'],
  hint: '--acquire acquire',
  schedules: 10,
  covered: 20,
  clients: 3,
  depth: 4,
  seed: 1,
  verdicts
})

const examined = (report: Report): Examined => ({ how: 'new Lock()', shape: report.shape, report })
const resultOf = (report: Report, line = '', name = 'src/lock.ts'): Result => ({
  name,
  file: at,
  examined: examined(report),
  judgement: judge(report, command(line), true)
})

const broken = reportOf(verdicts, 'broken')
const policy = reportOf(verdicts.slice(0, 2), 'holds')
const unsure = reportOf([{ ...verdicts[2]!, verdict: 'unsure' }], 'unsure', ['no caller ever waited'])
const failed: Result = { name: 'nowhere.js', file: undefined, error: 'there is no file nowhere.js', judgement: NOT_RUN }

function written(line: string, results: readonly Result[], env: Record<string, string> = {}) {
  const out: string[] = []
  const err: string[] = []
  const reporter = reporterFor(command(line), env, {
    drawing: { width: 100 },
    write: text => out.push(text),
    warn: text => err.push(text)
  })
  for (const result of results) reporter.each?.(result)
  reporter.end?.(results)
  return { out: out.join(''), err: err.join('') }
}

describe('the exit code', () => {
  test.each<[string, Report, string, 0 | 1 | 2]>([
    ['what is broken', broken, '', 1],
    ['what is broken and excepted', broken, '--except G4', 0],
    ['a policy', policy, '', 0],
    ['a policy, held against it', policy, '--strict', 1],
    ['a policy, excepted', policy, '--strict --except G2', 0],
    ['an unsure one', unsure, '--strict', 2]
  ])('of %s', (_, report, line, code) => {
    expect(judge(report, command(line), true).code).toBe(code)
  })

  test('of a report that is not whole is that it is not sure, unless something is broken', () => {
    expect(judge(policy, command(), false).code).toBe(2)
    expect(judge(broken, command(), false).code).toBe(1)
  })

  test('of several is the worst, and broken is worse than unsure', () => {
    const [one, two, three] = [resultOf(policy), resultOf(unsure), resultOf(broken)]
    expect([codeOf([one]), codeOf([one, two]), codeOf([two, failed, three]), codeOf([])]).toEqual([0, 2, 1, 0])
  })

  test('an exception that is not needed is told', () => {
    expect(judge(broken, command('--except G4,G1'), true).stale).toEqual(['G1'])
  })
})

describe('JSON', () => {
  test('of one lock is one object, with a schema', () => {
    const json = JSON.parse(written('--json', [resultOf(broken)]).out)
    expect(json).toMatchObject({ schema: 1, file: 'src/lock.ts', how: 'new Lock()', exitCode: 1, outcome: 'broken' })
    expect(json.verdicts).toHaveLength(4)
  })

  test('of what could not be run says why', () => {
    expect(JSON.parse(written('--json', [failed]).out)).toEqual({
      schema: 1,
      file: 'nowhere.js',
      exitCode: 2,
      error: 'there is no file nowhere.js'
    })
  })

  test('of several is a list', () => {
    const { results, schema } = JSON.parse(written('--json other.js', [resultOf(policy), failed]).out)
    expect([schema, results.map(({ exitCode }: { exitCode: number }) => exitCode)]).toEqual([1, [0, 2]])
  })
})

test('GitHub is told at the line of the member, with what it escapes', () => {
  expect(written('--reporter github', [resultOf(broken), resultOf(unsure), failed]).out).toBe(
    [
      '::error file=src/lock.ts,line=7,title=latchkey G4::G4 ownership: C & <B> hold. Two%0Alines.',
      '::notice file=src/lock.ts,line=1,title=latchkey G2::G2 hand-off: A, 100 %25 first: B',
      '::warning file=src/lock.ts,line=1,title=latchkey unsure::src/lock.ts: not sure: no caller ever waited',
      '::warning::nowhere.js: there is no file nowhere.js',
      ''
    ].join('\n')
  )
  // Without being asked, where it is GitHub that runs it.
  expect(written('', [resultOf(broken)], { GITHUB_ACTIONS: 'true' }).out).toContain('::error file=src/lock.ts,line=7')
  expect(written('', [resultOf(broken)]).out).not.toContain('::error')
})

test('JUnit counts what fails, and skips what was not tried', () => {
  const { out } = written('--reporter junit', [resultOf(broken), failed])
  expect(out).toContain('<testsuite name="src/lock.ts" tests="4" failures="1" errors="0">')
  expect(out).toContain(
    '<testcase classname="src/lock.ts" name="G4 ownership"><failure message="C &#38; &#60;B&#62; hold">1. A acquires\n2. A releases</failure></testcase>'
  )
  expect(out).toContain('name="G2 hand-off"/>')
  expect(out).toContain('<skipped message="not tried: it was left out"/>')
  expect(out).toContain('<error message="there is no file nowhere.js"/>')
})

test('SARIF has a rule and a place for each', () => {
  const { runs, version } = JSON.parse(written('--reporter sarif', [resultOf(broken), failed]).out)
  expect(version).toBe('2.1.0')
  expect(runs[0].tool.driver.rules).toEqual([{ id: 'G2' }, { id: 'G4' }, { id: 'not-run' }])
  expect(runs[0].results.map(({ ruleId, level }: Record<string, string>) => [ruleId, level])).toEqual([
    ['G4', 'error'],
    ['G2', 'note'],
    ['not-run', 'warning']
  ])
  expect(runs[0].results[0].locations[0].physicalLocation).toEqual({
    artifactLocation: { uri: 'src/lock.ts' },
    region: { startLine: 7 }
  })
})

describe('for people', () => {
  test('a cause is told with its place, and a policy with how it fails', () => {
    const { out } = written('', [resultOf(broken)])
    expect(out).toContain('G4 ownership is broken: C & <B> hold')
    expect(out.replace(/\s+/g, ' ')).toContain(`Cause: Two lines. (acquire, ${at}:7)`)
    expect(out).toContain('1 of 3 guarantees is broken.')
    expect(written('', [resultOf(policy)]).out).toContain('Nothing is broken. One is a policy: --strict fails on them.')
  })

  test('only what was tried is counted', () => {
    const sound = reportOf(
      [verdicts[0]!, { ...verdicts[0]!, guarantee: 'G5', verdict: 'not offered' }, verdicts[3]!],
      'holds'
    )
    expect(written('', [resultOf(sound)]).out).toContain('All 1 guarantees that it offers hold.')
  })

  test('a doubt is told with what was driven, what was not, and what to write', () => {
    const { out } = written('', [resultOf(unsure)])
    expect(out).toContain('G4 ownership may be broken')
    expect(out).not.toContain('Cause:')
    for (const line of ['  - no caller ever waited', 'Driven: acquire', 'Not looked at: obtain', ' --acquire acquire'])
      expect(out).toContain(line)
  })

  test('quiet leaves out what is well, and errors go where they belong', () => {
    expect(written('--quiet', [resultOf(policy)])).toEqual({ out: '', err: '' })
    expect(written('--quiet', [resultOf(broken)]).out).toContain('G4 ownership is broken')
    expect(written('', [failed])).toEqual({ out: '', err: 'latchkey: there is no file nowhere.js\n' })
    expect(written('', [resultOf(policy), resultOf(broken), failed]).out).toContain(
      '1 of 3 locks hold, 1 broken, 1 unsure or not run.'
    )
  })
})
