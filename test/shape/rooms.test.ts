// The rooms of the source: no two files need each other, and none is too long to be read at once. CONTRIBUTING says what the
// layers are.

import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { CORE, importsOf, LAYERS } from './layers.js'

/** Both lists are there to become empty. What is in one and has no need of it any more fails. */
const CIRCLES: readonly string[] = []
const LONG: readonly string[] = []

/** Lines that one file may have, unless the comment that opens it has a sentence that begins with "Long because". */
const MOST = 400

const sources = new Map(
  readdirSync(fromRoot('src'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => [path.replaceAll('\\', '/'), readFileSync(fromRoot(`src/${path}`), 'utf8')] as const)
)

/** The files of each circle of imports, in order, types included. */
function circles(sources: ReadonlyMap<string, string>): string[] {
  const needs = new Map(
    Array.from(sources, ([path, text]) => {
      const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
      const targets = importsOf(file).flatMap(({ specifier }) =>
        specifier?.startsWith('.') ? posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts') : []
      )
      return [path, targets.filter(target => sources.has(target))] as const
    })
  )
  const reach = (from: string): Set<string> => {
    const seen = new Set(needs.get(from))
    // A set visits what is added while it is walked.
    for (const path of seen) for (const next of needs.get(path) ?? []) seen.add(next)
    return seen
  }
  const reached = new Map([...sources.keys()].map(path => [path, reach(path)]))
  const found = new Set<string>()
  for (const [path, all] of reached)
    if (all.has(path))
      found.add(
        [...all]
          .filter(other => reached.get(other)?.has(path))
          .sort()
          .join(' ⇄ ')
      )
  return [...found].sort()
}

function long(sources: ReadonlyMap<string, string>): string[] {
  return Array.from(sources).flatMap(([path, text]) => {
    const lines = text.trimEnd().split('\n')
    const head = lines
      .slice(
        0,
        lines.findIndex(line => !/^(\/\/|\/\*| \*)/.test(line))
      )
      .join('\n')
    return lines.length > MOST && !/(^|[.:] |\/ |\* )Long because /m.test(head) ? path : []
  })
}

describe('no file needs one that needs it', () => {
  test('in src', () => {
    expect(circles(sources)).toEqual(CIRCLES)
  })

  test.each([
    ['two files', { 'a.ts': "import './b.js'", 'b.ts': "export * from './a.js'" }, ['a.ts ⇄ b.ts']],
    ['itself', { 'a.ts': "import './a.js'" }, ['a.ts']],
    [
      'types, over three files',
      {
        'a/a.ts': "import type { B } from '../b.js'",
        'b.ts': "import { type C } from './c.js'",
        'c.ts': "type A = import('./a/a.js').A"
      },
      ['a/a.ts ⇄ b.ts ⇄ c.ts']
    ],
    ['no circle', { 'a.ts': "import './b.js'\nimport './c.js'", 'b.ts': "import './c.js'", 'c.ts': '' }, []]
  ])('is noticed: %s', (_, files, found) => {
    expect(circles(new Map(Object.entries(files)))).toEqual(found)
  })
})

describe(`no file has more than ${MOST} lines without a reason in its head`, () => {
  test('in src', () => {
    expect(long(sources)).toEqual(LONG)
  })

  test('is noticed', () => {
    const lines = (n: number) => 'x\n'.repeat(n)
    const files = {
      'a.ts': `// A.\n${lines(MOST)}`,
      'b.ts': `// B. Long because it is a table.\n${lines(MOST)}`,
      'c.ts': `// C.\n${lines(MOST - 1)}`,
      'd.ts': `${lines(MOST)}// Long because it says so at the end.`
    }
    expect(long(new Map(Object.entries(files)))).toEqual(['a.ts', 'd.ts'])
  })
})

test('CONTRIBUTING has the table of the layers', () => {
  // The files of core differ in nothing but what stands before them: one row for all.
  const [first, ...rest] = LAYERS.filter(({ name }) => name === 'core/errors' || !name.startsWith('core/'))
  const core = { ...first!, name: 'core/*', rule: `of core, what stands before it: ${CORE.join(', ')}` }
  const cells = [core, ...rest].map(({ name, rule, platform }) => {
    const uses = platform === 'any' ? 'what it is there for' : platform.join(', ') || 'nothing'
    return `| \`${name}\` | ${rule} | ${uses} |`
  })
  const table = ['| layer | may import | uses of the platform |', '|---|---|---|', ...cells].join('\n')
  expect(readFileSync(fromRoot('CONTRIBUTING.md'), 'utf8')).toContain(`\n${table}\n`)
})
