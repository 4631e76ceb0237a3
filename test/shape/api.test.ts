// The dump of the public API in api/ shows what a caller sees, and nothing of what is behind it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { dumpApi } from '../../scripts/api.js'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-api-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const FILES = {
  'package.json': '{ "type": "module" }',
  'hidden.d.ts': `
    export declare const asyncDispose: typeof Symbol.asyncDispose
    export interface Named { readonly name: string }
    export declare abstract class Base<T> {
      #state
      private secret
      private forget(): void
      protected next(): T | undefined
      get size(): number
      add(value: T, extra?: Named): this
      overridden(): unknown
      [asyncDispose](): Promise<void>
    }`,
  'index.d.ts': `
    import { Base } from './hidden.js'
    export { LaterName as Later } from './other.js'
    /** A comment. */
    export declare class List<K = string> extends Base<K[]> {
      private constructor(a: 1)
      constructor(first: K, ...rest: K[])
      get both(): number
      set both(value: number)
      static of<K>(value: K): List<K>
      overridden(): string
    }
    export declare class Problem extends Error { readonly code = "ERR" }
    export declare class Longer extends List<number> { more(): void }
    export declare function both(a: string): string
    export declare function both(a: number): number
    export declare const limit = 3`,
  'other.d.ts': `
    export type LaterName = { [key in 'a' | 'b']?: string }`
}

test('shows the members that a caller has, with their types, under the names that are exported', () => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text)
  const files = dumpApi([
    { name: 'latchkey', types: join(folder, 'index.d.ts') },
    { name: 'latchkey/one/more', types: join(folder, 'other.d.ts') }
  ])
  expect([...files.keys()]).toEqual(['README.md', 'latchkey.api.md', 'one.more.api.md'])
  expect(files.get('README.md')).toContain('- [`latchkey/one/more`](one.more.api.md)')
  const blocks = files.get('latchkey.api.md')?.split(/^## /m) ?? []
  const block = (name: string) => /```ts\n(.*)\n```/s.exec(blocks.find(text => text.startsWith(`${name}\n`)) ?? '')?.[1]

  expect(block('List')?.split('\n')).toEqual([
    'class List<K = string> {',
    '  constructor(first: K, ...rest: K[])',
    '  [Symbol.asyncDispose](): Promise<void>',
    '  add(value: K[], extra?: Named): List<K>',
    '  both: number',
    '  overridden(): string',
    '  protected next(): K[] | undefined',
    '  readonly size: number',
    '  static of<K>(value: K): List<K>',
    '}'
  ])
  expect(block('Longer')).toBe('class Longer extends List<number> {\n  more(): void\n}')
  expect(block('Problem')).toBe("class Problem extends Error {\n  readonly code = 'ERR'\n}")
  expect(block('both')).toBe('function both(a: string): string\nfunction both(a: number): number')
  expect(block('limit')).toBe('const limit = 3')
  expect(block('Later')).toContain("[key in 'a' | 'b']?: string")
})

test('names what a signature needs and no entry point exports, at the end', () => {
  const text = dumpApi([{ name: 'latchkey', types: join(folder, 'index.d.ts') }]).get('latchkey.api.md') ?? ''
  const [, hidden = ''] = text.split('exported by no entry point.')
  expect(hidden.match(/^## .*/gm)).toEqual(['## Named'])
  expect(text.match(/^## .*/gm)?.at(-1)).toBe('## Named')
})

test('needs the build', () => {
  expect(() => dumpApi([{ name: 'latchkey', types: join(folder, 'nowhere.d.ts') }])).toThrow('npm run build')
})
