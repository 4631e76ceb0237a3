// Imports point down only, and the core touches nothing of a platform but promises, AbortSignal and timers.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { LAYERS, violations } from './layers.js'

const files = readdirSync(fromRoot('src'), { recursive: true, encoding: 'utf8' })
  .map(path => path.replaceAll('\\', '/'))
  .filter(path => path.endsWith('.ts'))

test('every file of src keeps to its layer', () => {
  expect(files).toContain('core/mutex.ts')
  expect(violations(new Map(files.map(path => [path, readFileSync(fromRoot(`src/${path}`), 'utf8')])))).toEqual([])
})

test('no file is in two layers', () => {
  const layersOf = (path: string) => LAYERS.filter(({ files }) => files.test(path.replace(/\.ts$/, '')))
  expect(files.filter(path => layersOf(path).length > 1)).toEqual([])
})

describe('what breaks a rule is told with the rule', () => {
  test.each<[path: string, source: string, told: string]>([
    // Imports, in every form they can take.
    ['core/errors.ts', "import './lock.js'", '1 imports core/lock; core/errors may import nothing'],
    ['core/lock.ts', "import { Mutex } from './mutex.js'", '1 imports core/mutex; core/lock may import core/errors'],
    [
      'core/mutex.ts',
      "import {\n  KeyedMutex\n}\n  from\n  './keyed-mutex.js'\nnew KeyedMutex()",
      '1 imports core/keyed-mutex; core/mutex may import core/errors to core/waiter-queue'
    ],
    ['core/mutex.ts', "\n\nimport type { K } from './keyed-mutex.js'", '3 imports core/keyed-mutex;'],
    ['core/mutex.ts', "export * from './keyed-mutex.js'", '1 imports core/keyed-mutex;'],
    ['core/mutex.ts', "export { type K } from './keyed-mutex.js'", '1 imports core/keyed-mutex;'],
    ['core/mutex.ts', "export const load = () => import('./keyed-mutex.js')", '1 imports core/keyed-mutex;'],
    [
      'core/mutex.ts',
      "export const load = () => import(\n  // later\n  './keyed-mutex.js')",
      'imports core/keyed-mutex;'
    ],
    ['core/mutex.ts', 'export const load = (it: string) => import(it)', '1 imports what only shows when it runs;'],
    ['core/mutex.ts', "export type K = import('./keyed-mutex.js').KeyedMutex", '1 imports core/keyed-mutex;'],
    ['core/mutex.ts', "import keyed = require('./keyed-mutex.js')\nkeyed()", '1 imports core/keyed-mutex;'],
    ['core/mutex.ts', "export const keyed = require('./keyed-mutex.js')", '1 imports core/keyed-mutex;'],
    ['core/mutex.ts', "import { K } from '../primitives/../core/keyed-mutex.js'", '1 imports core/keyed-mutex;'],
    ['core/mutex.ts', "import { inspect } from 'node:util'\ninspect(1)", '1 imports node:util;'],
    ['core/mutex.ts', "import yallist from 'yallist'\nyallist()", '1 imports yallist;'],
    ['core/mutex.ts', "import { Mutex } from 'latchkey'\nMutex", '1 imports latchkey;'],
    ['core/mutex.ts', '/// <reference types="node" />', '1 imports @types/node;'],
    ['core/mutex.ts', '/// <reference path="keyed-mutex.ts" />', 'imports keyed-mutex.ts;'],
    ['core/mutex.ts', '/// <reference lib="dom" />', '1 imports lib dom;'],
    [
      'primitives/semaphore.ts',
      "import { Monitor } from '../monitor/index.js'",
      'primitives may import core, and each other'
    ],
    [
      'index.ts',
      "export { Hub } from './adapters/hub.js'",
      '1 imports adapters/hub; index may import core and primitives'
    ],
    [
      'adapters/hub.ts',
      "import { Mutex } from '../core/mutex.js'",
      '1 imports core/mutex; adapters may import the package'
    ],
    ['adapters/hub.ts', "import { Mutex } from '../index.js'", '1 imports index; adapters may import the package'],
    ['adapters/hub.ts', "import { S } from './session-manager.js'", '1 imports adapters/session-manager; adapters'],
    [
      'adapters/hub.ts',
      "import { S } from 'latchkey/adapters/session-manager'",
      '1 imports latchkey/adapters/session-manager;'
    ],
    ['adapters/hub.ts', "import { z } from 'zod'", '1 imports zod; adapters'],
    [
      'compat/async-mutex.ts',
      "import { Mutex } from '../core/mutex.js'",
      '1 imports core/mutex; compat may import `latchkey`'
    ],
    ['compat/async-mutex.ts', "import { M } from 'async-mutex'", '1 imports async-mutex; compat may import `latchkey`'],
    ['compat/async-mutex.ts', "import { H } from 'latchkey/adapters/hub'", '1 imports latchkey/adapters/hub; compat'],
    [
      'monitor/index.ts',
      "import { Gate } from '../primitives/gate.js'",
      '1 imports primitives/gate; monitor may import core'
    ],
    [
      'engines/redis/client.ts',
      "import { keyIdOf } from '../postgres/key-id.js'",
      '1 imports engines/postgres/key-id; engines/redis may import core, what all engines share, and its own folder'
    ],
    [
      'engines/lease.ts',
      "import { RedisLock } from './redis/index.js'",
      '1 imports engines/redis/index; engines may import core and its own folder, no engine'
    ],
    [
      'testing/explore.ts',
      "import { Hold } from '../core/lock.js'",
      '1 imports core/lock; testing may import the public names'
    ],
    ['cli/check.ts', "import { Hold } from '../core/lock.js'", '1 imports core/lock; cli may import testing'],
    // Platform.
    [
      'core/mutex.ts',
      'export const now = () => process.hrtime()',
      '1 uses process; core/mutex may use of the platform: Abort'
    ],
    ['core/mutex.ts', "export const size = Buffer.byteLength('x')", '1 uses Buffer;'],
    ['core/mutex.ts', "console.log('here')", '1 uses console;'],
    ['core/mutex.ts', 'setImmediate(() => {})', '1 uses setImmediate;'],
    ['core/mutex.ts', 'export const at = performance.now()', '1 uses performance;'],
    ['core/mutex.ts', 'export const own = new AbortController()', '1 uses AbortController;'],
    ['core/mutex.ts', 'export let timer: NodeJS.Timeout', '1 uses NodeJS;'],
    ['core/mutex.ts', 'export type Target = HTMLElement', '1 uses HTMLElement;'],
    ['core/mutex.ts', "export const onNode = typeof process === 'object'", '1 uses process;'],
    ['core/mutex.ts', 'export const it = { process }', '1 uses process;'],
    ['core/mutex.ts', 'export const all = [...navigator.languages]', '1 uses navigator;'],
    ['core/mutex.ts', 'export const it = globalThis.process', '1 uses process;'],
    ['core/mutex.ts', "export const it = globalThis['process']", '1 uses process;'],
    ['core/mutex.ts', 'export const it = (globalThis as any).process', '1 uses process;'],
    ['core/mutex.ts', 'export const { process } = globalThis as any', '1 uses globalThis as a whole;'],
    [
      'core/mutex.ts',
      'declare const process: { pid: number }\nexport const it = process.pid',
      '1 uses a global that it declares'
    ],
    ['core/mutex.ts', 'export const here = import.meta.url', '1 uses import.meta;'],
    ['adapters/hub.ts', 'export const env = process.env', '1 uses process; adapters may use'],
    ['compat/async-mutex.ts', 'export const t = setTimeout(() => {}, 1)', '1 uses setTimeout; compat may use'],
    ['index.ts', "export const version = '1'", '1 does something; index only re-exports'],
    ['index.ts', "export { Mutex } from './core/mutex.js'\nsetTimeout(() => {})", '2 uses setTimeout;'],
    // Places.
    ['core/utils.ts', '', 'src/core/utils.ts is in no layer'],
    ['helpers/list.ts', '', 'src/helpers/list.ts is in no layer']
  ])('%s: %s', (path, source, told) => {
    const found = violations(new Map([[path, source]]))
    expect(found.length).toBeGreaterThan(0)
    expect(found.join('\n')).toContain(told)
  })
})

describe('what keeps to the rules is not told', () => {
  test.each<[path: string, source: string]>([
    [
      'core/mutex.ts',
      "// import './keyed-mutex.js'\n/* process */ export const text = `import('./keyed-mutex.js') process`"
    ],
    ['core/mutex.ts', 'export const it = (lock: { process: number; Buffer: 1 }) => lock.process + lock.Buffer'],
    ['core/mutex.ts', 'export const it = { process: 1, Buffer() {} }'],
    ['core/mutex.ts', 'export const pick = ({ process: it }: { process: number }) => it'],
    ['core/mutex.ts', 'export function run(process: () => void): void {\n  process()\n}'],
    ['core/mutex.ts', 'export type It = [process?: number]\nexport const it = [undefined] as const'],
    ['core/mutex.ts', 'process: for (;;) {\n  break process\n}'],
    ['core/mutex.ts', 'export class It {\n  declare process: number\n  static global = 1\n}'],
    ['core/mutex.ts', 'export const it = globalThis.Promise ?? globalThis.setTimeout'],
    ['core/mutex.ts', 'export const wait = (signal: AbortSignal) => setTimeout(() => signal.aborted, 5)'],
    ['core/mutex.ts', "export const ref = new WeakRef(new Map([[Symbol.for('x'), Promise.resolve()]]))"],
    ['core/lock.ts', '/// <reference lib="esnext.disposable" />\nexport interface Lock extends Disposable {}'],
    ['core/keyed-mutex.ts', "import { Mutex } from './mutex.js'\nexport const mutex = new Mutex()"],
    ['index.ts', "export * from './core/mutex.js'\nexport type { Lock } from './core/lock.js'"],
    ['adapters/hub.ts', "import { Mutex } from 'latchkey'\nexport const it = [new Mutex(), new AbortController()]"],
    ['testing/explore.ts', "import type { Lock } from '../core/lock.js'\nexport type It = Lock"],
    ['cli/check.ts', "import { argv } from 'node:process'\nimport '../testing/explore.js'\nexport const it = argv"],
    [
      'context/index.ts',
      "import { AsyncLocalStorage } from 'node:async_hooks'\nexport const it = new AsyncLocalStorage()"
    ]
  ])('%s: %s', (path, source) => {
    expect(violations(new Map([[path, source]]))).toEqual([])
  })
})
