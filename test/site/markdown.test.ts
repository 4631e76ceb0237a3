// What the site makes of a guide that is written for the repository.

import { createMarkdownRenderer, type MarkdownRenderer } from 'vitepress'
import { beforeAll, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { adapt, slugify } from '../../site/.vitepress/markdown.js'

let markdown: MarkdownRenderer
beforeAll(async () => {
  markdown = await createMarkdownRenderer(fromRoot('.'), { config: adapt, anchor: { slugify } })
})

const render = (text: string, file = 'docs/guide.md') =>
  markdown.render(text, { path: fromRoot(file), relativePath: file, cleanUrls: false })

test('links lead to pages of the site, and to the repository for all else', () => {
  expect(render('[a](keyed-locks.md#no-residue)')).toContain('href="/keyed-locks.html#no-residue"')
  expect(render('[a](primitives/README.md)')).toContain('href="/primitives/"')
  expect(render('[a](../test/core/mutex.test.ts)')).toContain('/latchkey/blob/main/test/core/mutex.test.ts"')
})

test('comments are left out, and an image in HTML is found', () => {
  expect(render('<!-- setup\nlet a\n-->\n\ntext')).not.toContain('setup')
  expect(render('<p><img src="assets/a.svg" alt=""></p>')).toContain('src="./assets/a.svg"')
})

test('the foot of a guide is left out, and only that', () => {
  const foot = '← [A](performance.md) · [Guides](README.md)'
  expect(render(`# T\n\ntext\n\n${foot}\n`)).not.toContain('←')
  expect(render(`# T\n\n${foot}\n\ntext\n`)).toContain('←')
})

test('a cell of a head that says nothing is no heading, and a table can be reached', () => {
  const table = render('| to ask | |\n|---|---|\n| a | b |\n')
  expect(table).toContain('tabindex="0"')
  expect(table.match(/<th\b/g)).toHaveLength(1)
})

test('braces are text', () => {
  expect(render('a {{ b }} c')).toContain('a &#123;&#123; b }} c')
  expect(render('a `{{ b }}` c')).toContain('<code>&#123;&#123; b }}</code>')
})

test('what looks like a component is text, and HTML is HTML', () => {
  expect(render('a Promise<T> or <b>two</b>')).toContain('Promise&lt;T&gt; or <b>two</b>')
})

test('headings have the anchors that the repository gives them', () => {
  expect(render('## `timeout: 0` does not wait')).toContain('id="timeout-0-does-not-wait"')
})
