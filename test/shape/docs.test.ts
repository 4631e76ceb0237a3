// The docs hold: every example runs and does what it says, every link leads somewhere, the guides have one order.
// What the checks are made of is first shown documents that it must refuse.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { entryPoints, fromRoot } from '../../scripts/project.js'
import { checkTypes, docComments, readExamples, runExample } from './docs/examples.js'
import { type Document, deadLinks, footOf, readingOrder, readMarkdown, slugOf, strayFeet } from './docs/markdown.js'

// Inside the project: an example finds the installed packages from here.
mkdirSync(fromRoot('node_modules/.cache'), { recursive: true })
const scratch = mkdtempSync(fromRoot('node_modules/.cache/latchkey-docs-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const read = (file: string) => readFileSync(fromRoot(file), 'utf8')
const list = (folder: string) =>
  existsSync(fromRoot(folder))
    ? readdirSync(fromRoot(folder), { recursive: true, encoding: 'utf8' }).map(
        path => `${folder}/${path.replaceAll('\\', '/')}`
      )
    : []

const generated = list('api').filter(file => file.endsWith('.md'))
const pages = ['README.md', 'CONTRIBUTING.md', ...list('docs').filter(file => file.endsWith('.md'))].sort()
const sources = list('src').filter(file => file.endsWith('.ts'))

const documents = pages.map(file => readMarkdown(file, read(file)))
const document = (file: string): Document => {
  const found = documents.find(document => document.file === file)
  if (!found) throw new Error(`${file} is missing`)
  return found
}

const everything = [...pages, ...sources].map(file => readExamples(file, read(file)))
const examples = everything.flatMap(({ examples }) => examples)

/** The first example of a text, from a line of the text on. */
const example = (...lines: string[]) => {
  const { examples, problems } = readExamples('bad.md', lines.join('\n'))
  expect(problems).toEqual([])
  const [first] = examples
  if (!first) throw new Error('no example found')
  return first
}

describe('reading examples', () => {
  test('finds each block with its line, its language and whether it runs', () => {
    const text = ['# Title', '', '```ts', 'a()', '```', '', '- item', '  ```js no-run', '  b()', '  ```', ''].join('\n')
    const { examples, problems } = readExamples('page.md', text)
    expect(problems).toEqual([])
    expect(examples).toEqual([
      { file: 'page.md', line: 4, language: 'ts', run: true, code: '\n\n\na()\n' },
      { file: 'page.md', line: 9, language: 'js', run: false, code: `${'\n'.repeat(8)}b()\n` }
    ])
  })

  test('puts what a setup comment holds before the example, each on its own line', () => {
    const [found] = readExamples('page.md', '<!-- setup\nconst a = 1\n-->\n```ts\na\n```').examples
    expect(found?.code).toBe('\nconst a = 1\n\n\na\n')
  })

  test('finds the blocks of doc comments, each on its own line', () => {
    const source = [
      'export {}',
      '/**',
      ' * Text.',
      ' * @example',
      ' * ```ts',
      ' *   a()',
      ' * ```',
      ' */',
      'code()',
      ''
    ]
    const { examples, problems } = readExamples('src/file.ts', source.join('\n'))
    expect(problems).toEqual([])
    expect(examples).toEqual([{ file: 'src/file.ts', line: 6, language: 'ts', run: true, code: '\n\n\n\n\n  a()\n' }])
    expect(docComments('/** one line */\nx()\n/* ``` */')).toBe('one line\n\n')
  })

  test.each([
    ['a fence without a language', '```\na()\n```', 'bad.md:1: a fence needs one of the languages'],
    ['a language it would not run', '```typescript\na()\n```', 'bad.md:1: a fence needs one of the languages'],
    ['an unknown flag', '```ts norun\na()\n```', 'bad.md:1: an example may be marked no-run, not "norun"'],
    ['an empty example', '\n```ts\n\n```', 'bad.md:2: this example is empty'],
    ['an open fence', '\n\n```ts\na()', 'bad.md:3: this fence is never closed'],
    ['an open comment', '<!-- setup\na()', 'bad.md:1: this comment is never closed'],
    ['a stray setup', '<!-- setup\nlet a\n-->\ntext\n```ts\na\n```', 'bad.md:2: a setup comment belongs right before'],
    [
      'a setup for another language',
      '<!-- setup\nlet a\n-->\n```sh\na\n```',
      'bad.md:4: a setup comment belongs right'
    ],
    ['a bare @example', '/**\n * @example\n * a()\n */', 'bad.ts:2: an @example needs a fenced block']
  ])('refuses %s', (_, text, problem) => {
    const { problems } = readExamples(text.startsWith('/**') ? 'bad.ts' : 'bad.md', text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })
})

describe('running examples', { concurrent: true }, () => {
  test('accepts one that keeps all its claims', async ({ expect }) => {
    const good = example(
      '```ts',
      "import { setImmediate } from 'node:timers/promises'",
      'const fail = (name: string) => { throw Object.assign(new Error("no"), { name }) }',
      'for (const n of [1, 2]) console.log("n", n) // → n 1, n 2',
      'console.log({ a: [1] }) // prints: { a: [ 1 ] }',
      '// → { a: [ 1 ] }',
      'const a = await Promise.resolve("x") // → \'x\'',
      'a.length + 1 // → 2',
      'fail("TypeError") // throws TypeError: no',
      'fail("TypeError") // throws TypeError',
      'await setImmediate().then(() => fail("Late")) // rejects Late: n…',
      '// prints: n 1',
      '// prints: n 2',
      '// prints: { a: [ 1 ] }',
      '```'
    )
    expect(await runExample(good, scratch)).toEqual([])
  })

  test.each<[string, string[], string]>([
    ['does not compile', ['a b'], 'bad.md:2: Expected ";" but found "b"'],
    ['throws', ['', 'throw new Error("oh")'], 'bad.md:3: fails'],
    ['leaves a rejection unhandled', ['', 'void Promise.reject(new Error("oh"))'], 'bad.md:3: fails'],
    ['imports what is not there', ['import "latchkey/nothing"'], 'bad.md:2: fails'],
    ['waits forever', ['await new Promise(() => {})'], 'bad.md:2: waits forever at a top-level await'],
    ['never ends', ['for (;;);'], 'bad.md:2: still running after 1000 ms'],
    ['prints something else', ['console.log(1) // → 2'], 'bad.md:2: claims: 2\n  but it was: 1'],
    ['prints more', ['for (const a of [1, 2]) console.log(a) // → 1'], 'bad.md:2: claims: 1\n  but it was: 1, 2'],
    ['has another value', ['"1" // → 1'], "bad.md:2: claims: 1\n  but it was: '1'"],
    ['never gets there', ['if (!Date) console.log(1) // → 1'], 'bad.md:2: never reached, but claims: 1'],
    ['does not throw', ['Object.keys(1) // throws TypeError'], 'but it was: nothing thrown'],
    ['throws another error', ['null.x // throws RangeError'], 'but it was: TypeError: Cannot read'],
    ['does not reject', ['await null // rejects Error'], 'but it was: nothing rejected'],
    ['throws where it should reject', ['await null.x // rejects TypeError'], 'but it was: thrown at the call'],
    [
      'prints in another order',
      ['console.log(2)', 'console.log(1)', '// prints: 1', '// prints: 2'],
      'bad.md:4: what it'
    ],
    ['prints too much', ['console.log(1)', 'console.log(2)', '// prints: 1'], 'bad.md:4: what it prints is:\n  1\n  2'],
    ['prints too little', ['if (!Date) console.log(1)', '// prints: 1'], 'bad.md:3: what it prints is:'],
    ['does not say what it prints', ['', 'console.log(1)'], 'bad.md:3: this prints something: say what'],
    ['writes its claim in another way', ['1 // => 1'], 'bad.md:2: write a claim as'],
    ['makes a claim about nothing', ['if (Date) {} // → 1'], 'bad.md:2: "→" belongs behind a statement'],
    ['rejects without await', ['Promise.reject(1) // rejects 1'], 'bad.md:2: "rejects" belongs behind an awaited call']
  ])('refuses one that %s', async (name, code, problem) => {
    const bad = example('```js', ...code, '```')
    const problems = await runExample(
      bad,
      join(scratch, name.replaceAll(' ', '-')),
      name === 'never ends' ? 1000 : 15_000
    )
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })

  test('refuses a claim that nothing runs', async ({ expect }) => {
    const bad = example('```js no-run', '1 // → 1', '```')
    expect(await runExample(bad, scratch)).toEqual([expect.stringContaining('bad.md:2: nothing runs this example')])
  })

  test('compiles one that is not to run, and does not run it', async ({ expect }) => {
    const folder = join(scratch, 'no-run')
    expect(await runExample(example('```ts no-run', 'throw new Error("ran")', '```'), folder)).toEqual([])
    expect(await runExample(example('```ts no-run', 'a b', '```'), folder)).toHaveLength(1)
  })

  test('type-checks TypeScript, run or not, each block as a module of its own', async ({ expect }) => {
    const text = [
      '```ts',
      "import { Mutex } from 'latchkey'",
      "const mutex = new Mutex('tools')",
      '```',
      '```ts no-run',
      'const mutex: string = 1',
      '```',
      '```js',
      'const mutex = nothing',
      '```'
    ].join('\n')
    const problems = await checkTypes(readExamples('docs/bad.md', text).examples, join(scratch, 'types'))
    expect(problems).toEqual([
      expect.stringContaining('docs/bad.md:3: error TS'),
      expect.stringContaining('docs/bad.md:6: error TS2322')
    ])
  })
})

describe('reading Markdown', () => {
  const exists = (path: string) => ['a.md', 'docs', 'docs/b.md'].includes(path)
  const deadIn = (text: string, file = 'a.md') =>
    deadLinks([readMarkdown(file, text), ...(file === 'a.md' ? [readMarkdown('docs/b.md', '# B b')] : [])], exists)

  test('accepts links that lead somewhere', () => {
    const text =
      '# `A`: 1 & 2\n[a](docs/b.md#b-b) [b](#a-1--2) [c](docs) [d](https://x.org/y#z) `[e](f.md)`\n```text\n[g](h.md)\n```'
    expect(deadIn(text)).toEqual([])
    expect(deadIn('[a](../a.md)', 'docs/b.md')).toEqual([])
  })

  test.each([
    ['a missing file', '[a](b.md)', 'a.md:1: b.md leads to nothing'],
    ['a missing image', '![a](b.svg)', 'a.md:1: b.svg leads to nothing'],
    ['a missing image in HTML', '<img src="b.svg">', 'a.md:1: b.svg leads to nothing'],
    ['a missing heading', '\n[a](docs/b.md#c)', 'a.md:2: docs/b.md#c leads to no heading in docs/b.md'],
    ['a missing heading here', '# A\n[a](#b)', 'a.md:2: #b leads to no heading in a.md'],
    ['a heading that is only code', '[a](#b)\n```text\n# b\n```', 'a.md:1: #b leads to no heading in a.md'],
    ['a missing definition', '[a]: b.md', 'a.md:1: b.md leads to nothing'],
    ['an absolute path', '[a](/docs/b.md)', 'a.md:1: /docs/b.md is neither relative nor https'],
    ['plain http', '[a](http://x.org)', 'a.md:1: http://x.org is neither relative nor https'],
    ['a way out', '[a](../x)', 'a.md:1: ../x leads out of the repository']
  ])('refuses a link to %s', (_, text, problem) => {
    expect(deadIn(text)).toEqual([problem])
  })

  test('refuses a reference that is not defined', () => {
    expect(readMarkdown('a.md', '[a][b] [c][d]\n\n[d]: #e').problems).toEqual(['a.md:1: [b] is not defined'])
  })

  test('makes the anchors that GitHub makes', () => {
    expect(slugOf('G1 exclusion')).toBe('g1-exclusion')
    expect(slugOf('`timeout: 0` does not wait')).toBe('timeout-0-does-not-wait')
    expect(slugOf('A [link](x.md), and *more*')).toBe('a-link-and-more')
    expect([...readMarkdown('a.md', '# A\n## A\n').anchors]).toEqual(['a', 'a-1'])
  })

  test('reads an index and the feet of its guides', () => {
    expect(readingOrder('docs/README.md', 'x\n1. [A](a.md): a\n2. [B](b/README.md#x): b\n')).toEqual([
      'docs/a.md',
      'docs/b/README.md'
    ])
    const guide = (file: string, foot: string) => readMarkdown(file, `# T\n\n${foot}\n`)
    const order = ['docs/a.md', 'docs/b.md']
    const a = guide('docs/a.md', '← [R](../README.md) · [Guides](README.md) · [B](b.md) →')
    expect(footOf(a)).toEqual({ previous: 'README.md', next: 'docs/b.md' })
    const b = guide('docs/b.md', '← [A](a.md) · [Guides](README.md)')
    expect(strayFeet(order, 'README.md', [a, b])).toEqual([])
    expect(strayFeet(order, 'README.md', [a])).toEqual(['docs/b.md: is in the index but does not exist'])
    expect(strayFeet(order, 'README.md', [a, guide('docs/b.md', 'The end.')])).toEqual([
      'docs/b.md: the foot leads back to undefined, not docs/a.md'
    ])
    expect(strayFeet([...order].reverse(), 'README.md', [a, b])).toHaveLength(4)
  })
})

describe('examples', { concurrent: true }, () => {
  test('can be told from the rest', ({ expect }) => {
    expect(everything.flatMap(({ problems }) => problems)).toEqual([])
  })

  test.each(examples.map(example => ({ example, at: `${example.file}:${example.line}` })))(
    '$at',
    async ({ example }) => {
      expect((await runExample(example, join(scratch, 'examples'))).join('\n')).toBe('')
    }
  )

  test('type-check', async ({ expect }) => {
    expect((await checkTypes(examples, join(scratch, 'types-of-examples'))).join('\n')).toBe('')
  })
})

describe('links', () => {
  test('lead somewhere', () => {
    const all = [...documents, ...generated.map(file => readMarkdown(file, read(file)))]
    expect(deadLinks(all, path => existsSync(fromRoot(path)))).toEqual([])
  })

  test('from comments in the sources lead somewhere', () => {
    const mentioned = sources.flatMap(file => read(file).match(/\bdocs\/[\w./-]+\.md\b/g) ?? [])
    expect(mentioned.filter(path => !existsSync(fromRoot(path)))).toEqual([])
  })
})

describe('reading order', () => {
  const order = readingOrder('docs/README.md', read('docs/README.md'))

  test('holds every guide once', () => {
    const guides = pages.filter(file => /^docs\/[^/]+\.md$/.test(file) && file !== 'docs/README.md')
    expect(order.filter(file => /^docs\/[^/]+\.md$/.test(file)).sort()).toEqual(guides)
    expect(new Set(order).size).toBe(order.length)
  })

  test('is the same in the README', () => {
    expect(readingOrder('README.md', read('README.md'))).toEqual(order)
  })

  test('is where the feet of the guides lead', () => {
    expect(strayFeet(order, 'README.md', documents)).toEqual([])
  })

  test('leads from the README to every page', () => {
    const reached = new Set(['README.md'])
    // A set visits what is added while it is walked.
    for (const file of reached) {
      const { links } = document(file)
      for (const { target } of links) {
        const path = join(file, '..', target.split('#')[0] ?? '').replaceAll('\\', '/')
        for (const page of [path, `${path}/README.md`]) if (pages.includes(page)) reached.add(page)
      }
    }
    expect(pages.filter(page => !reached.has(page))).toEqual([])
  })
})

describe('the guarantees', () => {
  const rows = document('docs/guarantees.md').rows.filter(({ cells }) => /\bG\d+\b/.test(cells[0] ?? ''))

  test('are G1 to G11, each once and in order; speed, G12, is an aim', () => {
    const numbers = rows.map(({ cells }) => /\bG\d+\b/.exec(cells[0] ?? '')?.[0])
    expect(numbers).toEqual(Array.from({ length: 11 }, (_, i) => `G${i + 1}`))
  })

  test('each say what they mean, what shows them and what they do not promise', () => {
    for (const { cells } of rows) {
      expect(cells).toHaveLength(4)
      expect(cells.filter(cell => cell.length < 10)).toEqual([])
      expect(cells[2]).toMatch(/\]\(\.\.\/(test|bench)\//)
    }
  })

  test('are named by every test that is said to show them', () => {
    expect(mentions('Any sequence (G1 to G8, G10).')).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 10]))
    const cited = rows.flatMap(({ cells }, i) =>
      Array.from((cells[2] ?? '').matchAll(/\]\(\.\.\/(test\/[^)]+)\)/g), ([, file = '']) => ({ file, number: i + 1 }))
    )
    expect(cited.length).toBeGreaterThan(0)
    expect(cited.filter(({ file, number }) => !mentions(read(file)).has(number))).toEqual([])
  })

  /** The numbers of the guarantees that a text names: `G1, G3`, `G1 to G8`. */
  function mentions(text: string): Set<number> {
    const ranges = text.matchAll(/\bG(\d+)(?: to\s(?:\/\/ )?G(\d+))?\b/g)
    return new Set(
      Array.from(ranges, ([, from, to = from]) =>
        Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i)
      ).flat()
    )
  }
})

describe('the README', () => {
  test('shows the two commands as they are typed on a fresh machine', () => {
    for (const command of ['npm ci && npm run bench -- --quick', 'npm ci && npm test']) {
      expect(read('README.md').split('\n')).toContain(command)
    }
  })

  test('names every entry point and none besides', () => {
    const named = new Set(read('README.md').match(/(?<=`)latchkey(\/[a-z/-]+)?(?=`)/g))
    expect([...named].sort()).toEqual(entryPoints.map(({ name }) => name).sort())
  })
})
