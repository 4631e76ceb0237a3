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
  hang: 'these wait for ever',
  'double-release': 'B and C hold the lock at once',
  ghost: 'these wait for ever',
  'ghost-in-chain': 'these wait for ever',
  starve: 'C went past B',
  'one-by-one': 'these wait for ever'
}

describe('a story as a test', { concurrent: true }, () => {
  test.for(PRESETS)('$id', async ({ id, schedule, end }, { expect }) => {
    const { passed, output } = await outcome(id, schedule)
    expect(output).toContain('everybody is served, in order, and never too many at once')
    expect(passed, output).toBe(end === 'fine')
    expect(output).toContain(SAYS[id] ?? 'pass 1')
  })
})

test('a lock that is lost fails it, though nobody waits yet', async ({ expect }) => {
  const lost = readSchedule('lock=repaired&clients=2&steps=A.acquire,B.acquire,B.abort,A.release')
  const { passed, output } = await outcome('lost', lost?.schedule as Schedule)
  expect(passed, output).toBe(false)
})

test('steps that could not happen are left out', async ({ expect }) => {
  const odd = readSchedule('lock=mutex&clients=2&steps=B.release,A.acquire,A.abort,B.again,A.release')
    ?.schedule as Schedule
  const text = toTest(odd, await play(odd))
  expect(text).not.toMatch(/await (release\('B'\)|giveUp\('A'\)|releaseAgain\('B'\))/)
  expect((await outcome('odd', odd)).passed).toBe(true)
})
