// The site shows docs/ in the order of docs/README.md: what is a page, where links lead, what stands in the sidebar.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { slugify } from '../../site/.vitepress/markdown.js'
import { guides, linkOf, pageOf } from '../../site/.vitepress/pages.js'
import { readingOrder, slugOf } from '../shape/docs/markdown.js'

test.each([
  ['README.md', 'index.md'],
  ['docs/README.md', 'guides.md'],
  ['docs/keyed-locks.md', 'keyed-locks.md'],
  ['docs/primitives/README.md', 'primitives/index.md'],
  ['site/pages/api/README.md', 'api/index.md'],
  ['site/pages/theatre.md', 'theatre.md'],
  ['CONTRIBUTING.md', 'contributing.md'],
  ['docs/assets/performance.svg', undefined],
  ['src/core/mutex.ts', undefined]
])('%s is the page %s', (file, page) => {
  expect(pageOf(file)).toBe(page)
})

test.each([
  ['docs/keyed-locks.md', 'guarantees.md#g5', '/guarantees.md#g5'],
  ['docs/keyed-locks.md', 'primitives/README.md', '/primitives/'],
  ['docs/keyed-locks.md', 'primitives', '/primitives/'],
  ['docs/primitives/README.md', '../README.md', '/guides.md'],
  ['docs/README.md', '../README.md', '/'],
  ['README.md', 'api/README.md', '/api/'],
  ['docs/keyed-locks.md', '../api/adapters.hub.api.md', '/api/latchkey/adapters/hub/'],
  ['docs/keyed-locks.md', '#no-residue', '#no-residue'],
  ['docs/keyed-locks.md', 'https://example.org/a.md', 'https://example.org/a.md'],
  [
    'docs/guarantees.md',
    '../test/core/mutex.test.ts',
    'https://github.com/latchkey-js/latchkey/blob/main/test/core/mutex.test.ts'
  ],
  ['CONTRIBUTING.md', 'src', 'https://github.com/latchkey-js/latchkey/tree/main/src']
])('from %s, %s leads to %s', (file, target, link) => {
  expect(linkOf(file, target)).toBe(link)
})

describe('the sidebar', () => {
  test('holds the guides in reading order', () => {
    const order = readingOrder('docs/README.md', readFileSync(fromRoot('docs/README.md'), 'utf8'))
    const groups = guides()
    expect(groups.map(({ text }) => text)).toEqual([
      ...['Learn', 'Locks', 'Processes and machines', 'Operate', 'Verify', 'Background']
    ])
    const links = groups.flatMap(({ items }) => items?.map(({ link }) => link))
    expect(links).toEqual(order.map(file => linkOf('README.md', file)))
  })

  test('holds the pages of a folder below its first page', () => {
    const recipes = guides()
      .flatMap(({ items }) => items ?? [])
      .find(({ link }) => link === '/recipes/')
    expect(recipes?.items?.map(({ link }) => link)).toContain('/recipes/hub.md')
  })

  test('holds the pages of a folder below the page that has its name', () => {
    const migration = guides()
      .flatMap(({ items }) => items ?? [])
      .find(({ link }) => link === '/migration.md')
    expect(migration?.items?.map(({ link }) => link)).toContain('/migration/async-mutex.md')
  })
})

test('a heading has the anchor that it has in the repository', () => {
  for (const heading of ['G1 exclusion', '`timeout: 0` does not wait', 'Gate, latch and barrier']) {
    expect(slugify(heading)).toBe(slugOf(heading))
  }
})
