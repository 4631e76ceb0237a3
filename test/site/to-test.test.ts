// A schedule that is copied as a test: it runs by itself, fails on a lock with a fault, and passes on one without.

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { play } from '../../site/theatre/run.js'
import { readSchedule, type Schedule } from '../../site/theatre/schedule.js'
import { PRESETS } from '../../site/theatre/stories.js'
import { toTest } from '../../site/theatre/to-test.js'

// Inside the project, and not below node_modules: there the package is found by its name.
mkdirSync(fromRoot('reports'), { recursive: true })
const scratch = mkdtempSync(fromRoot('reports/theatre-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function outcome(name: string, schedule: Schedule): Promise<{ passed: boolean; output: string }> {
  const file = join(scratch, `${name}.mjs`)
  writeFileSync(file, toTest(schedule, await play(schedule), 'http://localhost/theatre#x'))
  // What runs this test tells its children that they are part of it, and then they report in another form.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise(resolve => {
    execFile(process.execPath, ['--test', '--test-reporter=spec', file], { env }, (error, output) =>
      resolve({ passed: error === null, output })
    )
  })
}

const SAYS: Record<string, string> = {
  hang: 'these wait forever',
  'double-release': 'B and C hold the lock at once',
  ghost: 'these wait forever',
  'ghost-in-chain': 'these wait forever',
  starve: 'C went past B',
  'one-by-one': 'these wait forever'
}

describe('a story as a test', { concurrent: true }, () => {
  test.for(PRESETS)('$id', async ({ id, schedule, end }, { expect }) => {
    const { passed, output } = await outcome(id, schedule)
    expect(output).toContain('every client is served, in order, and never too many at once')
    expect(passed, output).toBe(end === 'fine')
    expect(output).toContain(SAYS[id] ?? 'pass 1')
  })
})

test('a lock that is lost fails it, though no client waits yet', async ({ expect }) => {
  const lost = readSchedule('lock=repaired&clients=2&steps=A.acquire,B.acquire,B.abort,A.release')
  const { passed, output } = await outcome('lost', lost?.schedule as Schedule)
  expect(passed, output).toBe(false)
})

test('steps that could not happen are left out', async ({ expect }) => {
  const odd = readSchedule('lock=mutex&clients=2&steps=B.release,A.acquire,A.abort,B.again,A.release')
    ?.schedule as Schedule
  const text = toTest(odd, await play(odd))
  expect(text).not.toMatch(/await (release\('B'\)|leave\('A'\)|releaseAgain\('B'\))/)
  expect((await outcome('odd', odd)).passed).toBe(true)
})

test('it runs with Vitest as well', { timeout: 60_000 }, async ({ expect }) => {
  const folder = join(scratch, 'vitest')
  mkdirSync(folder)
  const byId = (id: string) => PRESETS.find(preset => preset.id === id)?.schedule as Schedule
  for (const id of ['hang', 'one-shot', 'heavy']) {
    writeFileSync(join(folder, `${id}.test.mjs`), toTest(byId(id), await play(byId(id)), '', 'vitest'))
  }
  // In a project, the package is found by its name.
  const alias = JSON.stringify({ latchkey: fromRoot('src/index.ts') })
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { resolve: { alias: ${alias} } }`)
  const { VITEST: _, ...env } = process.env
  const report = await new Promise<string>(resolve => {
    const args = [fromRoot('node_modules/vitest/vitest.mjs'), 'run', '--root', folder, '--reporter=json', '--maxWorkers=1']
    execFile(process.execPath, args, { env }, (_, output) => resolve(output))
  })
  const { testResults } = JSON.parse(report.slice(report.indexOf('{'))) as {
    testResults: { name: string; assertionResults: { status: string; failureMessages: string[] }[] }[]
  }
  const outcomes = testResults.map(({ name, assertionResults: [result] }) => [
    /([\w-]+)\.test/.exec(name)?.[1],
    result?.status,
    result?.failureMessages.join().includes('these wait forever')
  ])
  expect(outcomes.sort()).toEqual([
    ['hang', 'failed', true],
    ['heavy', 'passed', false],
    ['one-shot', 'passed', false]
  ])
})
