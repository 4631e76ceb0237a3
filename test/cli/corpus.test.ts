// Every lock of test/fixtures/locks through the built command: what is broken is found, and nothing in a sound one.

import { execFile } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { fromRoot, manifest } from '../../scripts/project.js'
import type { Report } from '../../src/testing/index.js'
import { fixtures } from '../fixtures/locks/index.js'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const check = (file: string): Promise<Ended> =>
  new Promise(resolve => {
    const args = [
      fromRoot(manifest.bin.latchkey),
      'check',
      fromRoot(`test/fixtures/locks/${file}`),
      '--json',
      '--waiters',
      '0'
    ]
    execFile(process.execPath, args, { cwd: fromRoot('.') }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })

describe('the corpus', () => {
  test.each(fixtures)('$file', { timeout: 120_000 }, async ({ file, broken, shape }) => {
    const { code, stdout, stderr } = await check(file)
    expect(stderr).toBe('')
    const report: Report = JSON.parse(stdout)
    const found = report.verdicts.filter(({ verdict }) => verdict === 'broken').map(({ guarantee }) => guarantee)
    expect(report.shape).toBe(shape)
    if (broken.length === 0) expect(found).toEqual([])
    else expect(found).toEqual(expect.arrayContaining([...broken]))
    expect(code).toBe(broken.length === 0 ? 0 : 1)
  })
})
