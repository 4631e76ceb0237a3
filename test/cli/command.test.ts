// The built command, as a user runs it: its exit codes, and that it always comes to an end.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
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
