// What the README and the front page of the site promise at first sight is what the package is.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { manifest, fromRoot } from '../../scripts/project.js'
import { measureBundles } from '../../scripts/size.js'
import { readMarkdown } from './docs/markdown.js'

const read = (file: string) => readFileSync(fromRoot(file), 'utf8')
const README = read('README.md')
const FRONT = read('site/pages/index.md')
/** Without the marks of Markdown and HTML. */
const plain = (text: string) => text.replaceAll(/<\/?code>|`/g, '').replaceAll(/\s+/g, ' ')

describe.each([
  ['README.md', README],
  ['site/pages/index.md', FRONT]
])('%s', (file, text) => {
  test('opens with the sentence that the package is described with', () => {
    expect(manifest.description).toMatch(/^Mutex, semaphore/)
    expect(plain(text).slice(0, 900)).toContain(manifest.description)
    expect(text).toContain('npm install latchkey')
    expect(text).toMatch(/runExclusive\([\s\S]{0,80}timeout: 500/)
  })

  test('says how large it is', async () => {
    const sizes = new Map((await measureBundles()).map(({ name, bytes }) => [name, bytes]))
    const claims = plain(text).match(/(\d+) kB[^.]*?(\d+) kB/) ?? /(\d+) kB.{0,60}?(\d+) kB/.exec(plain(text))
    for (const [name, claim] of [
      ['Mutex', claims?.[1]],
      ['everything', claims?.[2]]
    ] as const) {
      const kilobytes = (sizes.get(name) ?? Number.NaN) / 1000
      // Rounded up, and to no more than a kilobyte.
      expect(Number(claim), `${name} is ${kilobytes} kB`).toBeGreaterThanOrEqual(kilobytes)
      expect(Number(claim), `${name} is ${kilobytes} kB`).toBeLessThan(kilobytes + 1.2)
    }
  })

  test('has the verdicts on other packages as docs/field.md has them', () => {
    const names: Record<string, string> = {
      '**latchkey**': '`latchkey#Mutex`',
      'async-mutex': '`async-mutex#Mutex`',
      'async-lock': '`async-lock`',
      'async-sema': '`async-sema#Sema`',
      'p-limit': '`p-limit`',
      'await-lock': '`await-lock`',
      'es-toolkit': '`es-toolkit#Mutex`',
      mutexify: '`mutexify/promise`'
    }
    const field = new Map(
      readMarkdown('docs/field.md', read('docs/field.md')).rows.map(({ cells: [name = '', ...cells] }) => [name, cells])
    )
    const shown = readMarkdown(file, text).rows.filter(({ cells }) => cells.length === 9 && Object.hasOwn(names, cells[0] ?? ''))
    expect(shown).toHaveLength(Object.keys(names).length)
    for (const { cells } of shown) {
      const [, ...verdicts] = field.get(names[cells[0] ?? ''] ?? '') ?? []
      expect([cells[0], ...cells.slice(1)]).toEqual([cells[0], ...verdicts.slice(0, 8)])
    }
  })
})

test('the site is published where the manifest says', () => {
  expect(manifest.homepage).toMatch(/^https:\/\/.*\/$/)
  for (const link of README.match(/https:\/\/latchkey[^\s)"<]*/g) ?? []) expect(link.startsWith(manifest.homepage)).toBe(true)
})
