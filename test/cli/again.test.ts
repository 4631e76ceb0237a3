import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { evaluatorFor } from '../../src/cli/again.js'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-again-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const compiler = { name: 'typescript', path: createRequire(import.meta.url).resolve('typescript') } as const

async function evaluate(name: string, code: string, names: readonly string[]) {
  const file = join(folder, name)
  writeFileSync(file, code)
  return evaluatorFor(file, names, compiler)
}

test.each<[string, string, string[]]>([
  ['function.mjs', 'let n = 0\nexport function next() { return ++n }', ['next']],
  ['default.mjs', 'let n = 0\nexport default () => ++n', ['default']],
  ['named-default.mjs', 'let n = 0\nexport default function next() { return ++n }', ['default']],
  ['list.mjs', 'let n = 0\nconst next = () => ++n\nexport { next, next as default }', ['next', 'default']],
  [
    'imports.mjs',
    "import { EventEmitter } from 'node:events'\nlet n = 0\nexport const next = () => (new EventEmitter(), ++n)",
    ['next']
  ],
  ['whole.cjs', 'let n = 0\nmodule.exports = () => ++n', ['default']],
  ['named.cjs', 'let n = 0\nexports.next = () => ++n', ['default', 'next']],
  ['types.ts', 'let n: number = 0\nexport function next(): number { return ++n }', ['next']]
])('%s starts afresh each time', async (file, code, names) => {
  const again = (await evaluate(file, code, names))!
  const counters = [again(), again()].map(({ names: found }) => found[names.at(-1)!] as () => number)
  expect(counters.map(next => [next(), next()])).toEqual([
    [1, 2],
    [1, 2]
  ])
})

test('tells of the maps that it makes', async () => {
  const again = (await evaluate('map.mjs', 'const all = new Map()\nexport const add = key => all.set(key, 1)', [
    'add'
  ]))!
  const { names, maps } = again() as { names: { add?: (key: string) => void }; maps: readonly Map<unknown, unknown>[] }
  names.add!('a')
  expect(maps.map(({ size }) => size)).toEqual([1])
})

test.each([
  ['waits.mjs', 'await 1\nexport const lock = 1', 'lock'],
  ['meta.mjs', 'export const lock = import.meta.url', 'lock'],
  ['several.mjs', 'export const lock = 1, unlock = 2', 'unlock'],
  ['all.mjs', "export * from 'node:fs'", 'lock']
])('%s is left to the loader', async (file, code, name) => {
  expect(await evaluate(file, code, [name])).toBeUndefined()
})
