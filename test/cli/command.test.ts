// The built command, as a user runs it: its exit codes, and that it always comes to an end.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fromRoot, manifest } from '../../scripts/project.js'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function latchkey(args: readonly string[], cwd = folder): Ended {
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [fromRoot(manifest.bin.latchkey), ...args], {
    cwd,
    env,
    encoding: 'utf8',
    // A fault of the command must fail the test, and not hang it.
    timeout: 60_000,
    killSignal: 'SIGKILL'
  })
  return { code: status, stdout, stderr }
}

function file(name: string, code: string): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, code)
  return path
}

test('help goes to standard output, and is a success', () => {
  const { code, stdout, stderr } = latchkey(['check', '--help'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain(
    'Exit code: 0 everything offered holds, 1 something is broken, 2 it could not be run, or it is not sure.'
  )
})

test('the version is the package’s', () => {
  expect(latchkey(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
})

test.each<[string, string[], string]>([
  ['wrong usage', ['check', 'x.js', '--jsno'], 'latchkey check has no --jsno. Did you mean --json?'],
  ['no such file', ['check', 'nowhere.js'], 'there is no file nowhere.js'],
  ['a folder', ['check', '.'], '. is a folder'],
  ['no such export', ['check', file('one.mjs', 'export class Mutex {}'), '-h'].slice(0, 2), 'It has no methods'],
  ['nothing exported', ['check', file('none.mjs', '')], 'the module exports nothing'],
  ['a fault of syntax', ['check', file('syntax.mjs', 'export class {')], 'SyntaxError'],
  ['a missing import', ['check', file('import.mjs', "import './nope.mjs'")], 'for something that it imports'],
  ['a module that throws', ['check', file('throws.mjs', "throw new Error('no database')")], 'Error: no database'],
  ['a module that exits', ['check', file('exits.mjs', 'process.exit(0)')], 'ended by itself (exit code 0), at: loading']
])('%s cannot be run', (_, args, text) => {
  const { code, stdout, stderr } = latchkey(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(text)
})

test.each([
  ['loops in the call', 'for (;;);', 'stopped after 1500 ms, at: finding out how new Mutex() is used'],
  [
    'loops in microtasks',
    'const again = () => Promise.resolve().then(again); again(); return new Promise(() => {})',
    'asks again and again in microtasks before it is granted'
  ]
])('a lock that %s is put to an end', (name, body, text) => {
  const path = file(`${name.replaceAll(' ', '-')}.mjs`, `export class Mutex { acquire() { ${body} } release() {} }`)
  const { code, stderr } = latchkey(['check', path, '--deadline', '1500'])
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})

test('what the module prints does not mix with the output', () => {
  const path = file('prints.mjs', "console.log('hello'); export class Mutex {}")
  const silent = latchkey(['check', path])
  expect(silent.stdout).toBe('')
  expect(silent.stderr).not.toContain('hello')
  const { stdout, stderr } = latchkey(['check', path, '--verbose'])
  expect(stdout).toBe('')
  expect(stderr).toContain('hello')
})

test('TypeScript that nothing here can run says what could', () => {
  const path = file('lock.ts', 'export class Mutex {}')
  const { code, stderr } = latchkey(['check', path])
  expect(code).toBe(2)
  // Newer versions of Node run it, and find nothing in it.
  expect(stderr).toMatch(
    /is TypeScript, which Node [\d.]+ does not run by itself\. Any one of these helps:|It has no methods/
  )
})

test('TypeScript runs with the compiler of the project', () => {
  const path = file(
    'project/lock.ts',
    `import { limit } from './limit.js'
     enum Of { One }
     export class Mutex { constructor(private readonly of = Of.One) {} odd(): number { return limit + this.of } }`
  )
  file('project/limit.ts', 'export const limit: number = 1')
  const { code, stderr } = latchkey(['check', path], fromRoot('.'))
  expect(code).toBe(2)
  expect(stderr).toContain('odd()')
})

test('a package of the project is found by its name', () => {
  const { stderr } = latchkey(['check', 'async-mutex#Muttex'], fromRoot('.'))
  expect(stderr).toContain('the module has no export Muttex; it has ')
})

test('bench measures the bare promises, latchkey, and the packages that are there', () => {
  const { code, stdout, stderr } = latchkey(['bench', '--json', '--time', '1'], fromRoot('.'))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { rows, missing } = JSON.parse(stdout)
  expect(missing).toEqual([])
  for (const { row, figures } of rows) {
    const names = figures.map(({ name }: { name: string }) => name)
    expect([row, names.slice(0, 2)]).toEqual([row, [expect.stringMatching(/^bare promise/), 'latchkey']])
    expect(names.length).toBeGreaterThan(4)
    for (const { ns, ratio } of figures) expect([ns > 0, ratio > 0]).toEqual([true, true])
    expect(figures[0].ratio).toBe(1)
  }
})

test('bench says what is not there', () => {
  expect(JSON.parse(latchkey(['bench', '--json', '--time', '1']).stdout).missing).toContain('async-mutex')
})

describe('several locks', { timeout: 120_000 }, () => {
  const team = join(folder, 'team')
  const run = (...args: string[]) => latchkey(['check', '--json', '--waiters', '0', '--depth', '4', ...args], team)
  const SOUND = `export class Mutex {
    #tail = Promise.resolve()
    run(fn) { const result = this.#tail.then(() => fn()); this.#tail = result.catch(() => {}); return result }
  }`
  const TWICE = `export class Lock {
    held = false
    queue = []
    async acquire() {
      if (this.held) await new Promise(resolve => this.queue.push(resolve))
      this.held = true
      return () => { const next = this.queue.shift(); if (next) next(); else this.held = false }
    }
  }`
  const outcomes = (stdout: string) =>
    JSON.parse(stdout).results.map(({ file, exitCode }: { file: string; exitCode: number }) => [file, exitCode])
  const depth = ['--depth', '5'] // a release that works twice takes five steps

  test('are found by a pattern, and the worst gives the exit code', () => {
    file('team/locks/sound.mjs', SOUND)
    file('team/locks/deep/odd#name.mjs', SOUND)
    file('team/twice.mjs', TWICE)
    const { code, stdout } = run('locks/**/*.mjs', 'twice.mjs#Lock', ...depth)
    expect(outcomes(stdout)).toEqual([
      ['locks/deep/odd#name.mjs', 0],
      ['locks/sound.mjs', 0],
      ['twice.mjs#Lock', 1]
    ])
    expect(code).toBe(1)
  })

  test('are listed in package.json, with what is excepted', () => {
    file(
      'team/package.json',
      JSON.stringify({ latchkey: { check: ['locks/*.mjs', { file: 'twice.mjs', except: ['G4'], depth: 5 }] } })
    )
    const { code, stdout } = latchkey(['check', '--json', '--waiters', '0'], team)
    expect(outcomes(stdout)).toEqual([
      ['locks/sound.mjs', 0],
      ['twice.mjs', 0]
    ])
    expect(code).toBe(0)
  })

  test('a pattern that is like no file is told', () => {
    const { code, stdout } = run('nowhere/*.mjs')
    expect([code, JSON.parse(stdout)]).toEqual([
      2,
      { schema: 1, file: 'nowhere/*.mjs', exitCode: 2, error: 'no file is like nowhere/*.mjs' }
    ])
  })

  test('a fault says in which file and line it is', () => {
    const { verdicts } = JSON.parse(run('twice.mjs', ...depth).stdout)
    const { cause } = verdicts.find(({ guarantee }: { guarantee: string }) => guarantee === 'G4')
    expect(cause).toMatchObject({ member: 'acquire', file: join(team, 'twice.mjs'), line: 4 })
  })

  test('a fault becomes a test that fails by itself, and passes with the lock mended', () => {
    const path = join(team, 'shows.test.mjs')
    const { stderr } = run('twice.mjs', ...depth, '--emit-test', path)
    expect(stderr).toBe(`test: ${path}\n`)
    const play = () => spawnSync(process.execPath, ['--test', path], { encoding: 'utf8', timeout: 30_000 })
    const failing = play()
    expect(failing.status).toBe(1)
    expect(failing.stdout).toContain('C is let in while B still holds')
    file(
      'team/twice.mjs',
      TWICE.replace('return () => {', 'let done = false; return () => { if (done) return; done = true;')
    )
    expect(play().status).toBe(0)
    file('team/twice.mjs', TWICE)
  })

  test('--svg draws what is broken', () => {
    const path = join(team, 'twice.svg')
    expect(run('twice.mjs', ...depth, '--svg', path).stderr).toBe(`timelines: ${path}\n`)
    const svg = readFileSync(path, 'utf8')
    expect(svg).toMatch(/^<svg[\s\S]*G4 ownership is broken[\s\S]*<\/svg>\s*$/)
  })

  test('what was found before the process ended is told', () => {
    // A long queue is the end of it, after its fault was seen.
    const ends = '{ if (this.queue.length > 50) process.exit(3); this.queue.push(resolve) }'
    file('team/ends.mjs', TWICE.replace('this.queue.push(resolve)', ends))
    const { code, stdout } = latchkey(['check', 'ends.mjs', '--json', '--depth', '5'], team)
    const { stopped, outcome } = JSON.parse(stdout)
    expect([code, outcome]).toEqual([1, 'broken'])
    expect(stopped).toContain('the process ended by itself (exit code 3)')
  })

  test('private members of TypeScript are left alone', () => {
    file(
      'team/private.ts',
      `export class Mutex {
        private held = false
        private queue: Array<() => void> = []
        async run<T>(fn: () => Promise<T>): Promise<T> {
          await this.acquire()
          try { return await fn() } finally { this.release() }
        }
        private async acquire(): Promise<void> {
          if (this.held) await new Promise<void>(resolve => this.queue.push(resolve))
          this.held = true
        }
        private release(): void { const next = this.queue.shift(); if (next) next(); else this.held = false }
      }`
    )
    const path = join(team, 'private.ts')
    const { stdout } = latchkey(['check', path, '--json', '--waiters', '0', '--depth', '4'], fromRoot('.'))
    const { shape, driven, outcome } = JSON.parse(stdout)
    expect({ shape, driven, outcome }).toEqual({ shape: 'mutex: run(task)', driven: ['run'], outcome: 'holds' })
  })

  test('a hint that cannot be followed says what there is', () => {
    const { code, stdout } = run('twice.mjs', '--acquire', 'lock')
    expect(code).toBe(2)
    expect(JSON.parse(stdout).error).toContain('the lock has no member lock; it has acquire')
  })
})
