// The reference of the API, which is generated when the site is built, and the links that lead to it.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { api, linkOf } from '../../site/.vitepress/pages.js'
import { readMarkdown } from '../shape/docs/markdown.js'

test('the sidebar holds the entry points and what they export', () => {
  const [core] = api()
  expect(core?.text).toBe('latchkey')
  const locks = core?.items?.find(({ text }) => text === 'Locks')
  expect(locks?.items?.find(({ text }) => text === 'Mutex')?.link).toBe('/api/latchkey/classes/Mutex.md')
})

describe('a link to the signatures in api/ leads to the reference', () => {
  test.each([
    ['latchkey.api.md#mutex', '/api/latchkey/classes/Mutex.md'],
    ['latchkey.api.md', '/api/latchkey/'],
    ['adapters.hub.api.md#toolhub', '/api/latchkey/adapters/hub/classes/ToolHub.md']
  ])('%s: %s', (target, link) => {
    expect(linkOf('docs/keyed-locks.md', `../api/${target}`)).toBe(link)
    expect(existsSync(fromRoot(link.replace('/api/', 'site/pages/api/').replace(/\/$/, '/README.md')))).toBe(true)
  })

  test('of every public name', () => {
    for (const file of readdirSync(fromRoot('api')).filter(file => file.endsWith('.api.md'))) {
      const text = readFileSync(fromRoot(`api/${file}`), 'utf8')
      const names = text.match(/(?<=^## ).*/gm) ?? []
      const [, ...anchors] = readMarkdown(file, text).anchors
      expect(anchors.length, file).toBe(names.length)
      for (const [i, anchor] of anchors.entries())
        expect(linkOf('README.md', `api/${file}#${anchor}`)).toMatch(new RegExp(`/${names[i]}\\.md$`))
    }
  })

  test('and one to a name that is not there is refused', () => {
    expect(() => linkOf('README.md', 'api/latchkey.api.md#nothing')).toThrow('no page for api/latchkey.api.md#nothing')
  })
})
