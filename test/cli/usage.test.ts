import { describe, expect, test } from 'vitest'
import { HELP } from '../../src/cli/help.js'
import { readArguments } from '../../src/cli/usage.js'

const read = (line: string) => readArguments(line.split(' ').filter(word => word !== ''))

describe('what is understood', () => {
  test('a file, and nothing else', () => {
    expect(read('check lock.js')).toEqual({
      command: 'check',
      targets: ['lock.js'],
      hints: {},
      depth: undefined,
      clients: undefined,
      seed: undefined,
      waiters: undefined,
      deadline: 120_000,
      except: [],
      strict: false,
      reporter: undefined,
      quiet: false,
      verbose: false,
      svg: undefined,
      emitTest: undefined,
      runner: 'node'
    })
  })

  test('everything', () => {
    const line =
      'check --json lib/a.b#Lock --svg x.svg --depth 6 --clients 4 --seed 0 --waiters 5 --deadline 5000 --acquire ask --release go ' +
      '--run with --try now --shape pair --kind semaphore --capacity 3 --keyed --no-signal --timeout --args [3,{"a":1}] ' +
      '--read r --write w --strict --except G4,G2 --quiet --verbose --emit-test t.js --runner vitest other.js'
    expect(read(line)).toEqual({
      command: 'check',
      targets: ['lib/a.b#Lock', 'other.js'],
      hints: {
        acquire: 'ask',
        release: 'go',
        run: 'with',
        read: 'r',
        write: 'w',
        tryAcquire: 'now',
        shape: 'pair',
        kind: 'semaphore',
        capacity: 3,
        keyed: true,
        signal: false,
        timeout: true,
        args: [3, { a: 1 }]
      },
      depth: 6,
      clients: 4,
      seed: 0,
      waiters: 5,
      deadline: 5000,
      except: ['G4', 'G2'],
      strict: true,
      reporter: 'json',
      quiet: true,
      verbose: true,
      svg: 'x.svg',
      emitTest: 't.js',
      runner: 'vitest'
    })
  })

  test.each([
    ['', 'latchkey'],
    ['help', 'latchkey'],
    ['-h', 'latchkey'],
    ['help check', 'check'],
    ['check --help', 'check'],
    ['check x.js -h', 'check'],
    ['bench --help', 'bench']
  ])('latchkey %s gives help', (line, about) => {
    expect(read(line)).toEqual({ command: 'help', about })
  })

  test('bench', () => {
    expect(read('bench --json --time 50')).toEqual({ command: 'bench', json: true, time: 50 })
  })
})

test.each([
  ['chekc', 'chekc is no command; there are check and bench. Did you mean check?'],
  ['src/lock.ts', 'src/lock.ts is no command. To check that file: latchkey check src/lock.ts'],
  ['check a.js --reporter xml', '--reporter is one of pretty, json, junit, github, sarif, and was given xml.'],
  ['check a.js --json --reporter junit', '--json and --reporter junit contradict each other'],
  ['check a.js --except G13', '--except is a list such as G4,G2, and was given G13'],
  ['check a.js --runner jest', '--runner is one of node, vitest, and was given jest.'],
  ['check a.js --jsno', 'latchkey check has no --jsno. Did you mean --json? All of them: latchkey check --help'],
  ['check a.js --colour', 'latchkey check has no --colour. All of them: latchkey check --help'],
  ['check a.js --svg', '--svg needs a value: --svg FILE'],
  ['check a.js --svg --json', '--svg needs a value: --svg FILE'],
  ['check a.js --json=yes', '--json takes no value, and was given yes'],
  ['check a.js --depth 0', '--depth is a whole number >= 1, and was given 0'],
  ['check a.js --depth deep', '--depth is a whole number >= 1, and was given deep'],
  [
    'check a.js --kind sem',
    '--kind is one of mutex, semaphore, read-write-lock, and was given sem. Did you mean semaphore?'
  ],
  ['check a.js --keyed --no-keyed', '--keyed and --no-keyed contradict each other'],
  ['check a.js --args {', '--args is JSON'],
  ['bench a.js', 'bench takes no file, and was given a.js']
])('latchkey %s explains itself', (line, text) => {
  expect(() => read(line)).toThrow(text)
})

describe('help', () => {
  test('names every flag there is', () => {
    const flags = [
      ...[
        'json',
        'svg',
        'depth',
        'clients',
        'seed',
        'waiters',
        'deadline',
        'acquire',
        'release',
        'run',
        'try',
        'shape',
        'kind',
        'reporter',
        'quiet',
        'verbose',
        'strict',
        'except',
        'emit-test',
        'runner',
        'read',
        'write'
      ],
      ...['capacity', 'keyed', 'no-keyed', 'signal', 'no-signal', 'timeout', 'no-timeout', 'args']
    ]
    for (const flag of flags) expect(HELP.check).toContain(`--${flag}`)
  })

  test.each(Object.entries(HELP))('%s fits on a page', (_, text) => {
    const lines = text.split('\n')
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(120)
    expect(lines.length).toBeLessThan(70)
  })
})
