// Plain words in all that a user may read: guides, doc comments, messages, changesets, the site. The list is short on purpose:
// these are the words that made sentences hard to follow, each with what to write instead.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'

const INSTEAD: Readonly<Record<string, string>> = {
  'who(m|so)?ever': 'the holder, a waiter, a caller, the code that …',
  'for ever': 'forever',
  '(no|some|every|any)body': 'no caller, a caller, every client, …',
  'who waits?': 'the waiters',
  'those who': 'the callers that …',
  'as it were': '(nothing)',
  'as things stand': '(nothing)',
  'in vain': 'say what did not happen',
  'dear to': 'expensive to',
  'behind (your|the caller.s) back': 'in the background'
}

const findings = (text: string): string[] =>
  Object.entries(INSTEAD).flatMap(([word, instead]) =>
    Array.from(text.matchAll(new RegExp(`\\b${word}\\b`, 'gi')), ([found]) => `"${found}": write ${instead}`)
  )

const list = (folder: string, ending: RegExp) =>
  readdirSync(fromRoot(folder), { recursive: true, encoding: 'utf8' })
    .map(path => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter(path => ending.test(path))

const FILES = [
  'README.md',
  'CONTRIBUTING.md',
  ...list('docs', /\.(md|svg)$/),
  ...list('src', /\.ts$/),
  ...list('.changeset', /\.md$/),
  ...list('site/pages', /^site\/pages\/\w+\.md$/),
  ...list('site/theatre', /\.(ts|js|vue)$/),
  ...list('site/.vitepress', /^site\/\.vitepress\/(theme\/)?[\w-]+\.(ts|vue)$/)
].sort()

describe('plain words', () => {
  test.each(FILES)('%s', file => {
    const lines = readFileSync(fromRoot(file), 'utf8').split('\n')
    // Two lines at a time: a phrase may be broken between them.
    const found = lines.flatMap((line, i) =>
      findings(`${line}\n${lines[i + 1] ?? ''}`.replace(/\n\s*(\*|\/\/)?\s*/, ' '))
        .filter(finding => !findings(lines[i + 1] ?? '').includes(finding))
        .map(finding => `${file}:${i + 1}: ${finding}`)
    )
    expect(found).toEqual([])
  })

  test.each([
    ['Whoever waits, waits for ever.', 2],
    ['nobody, somebody, everybody, anybody', 4],
    ['It shows who waits.', 1],
    ['A waiter waits forever. No caller holds the lock, wherever it is.', 0]
  ])('%s', (text, count) => {
    expect(findings(text)).toHaveLength(count)
  })
})
