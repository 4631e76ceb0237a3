// What is promised of each part: the page, and the reference, say the same of every entry point.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { entryPoints, fromRoot } from '../../scripts/project.js'
import { EXPERIMENTAL, stabilityNote, stabilityRows } from '../../scripts/stability.js'

const names = entryPoints.map(({ name }) => name)
const page = readFileSync(fromRoot('docs/stability.md'), 'utf8')

test('the page has every entry point, with its tier and what it waits for', () => {
  const table = ['| part | tier | what it waits for |', '|---|---|---|', ...stabilityRows(names)].join('\n')
  expect(page).toContain(`\n${table}\n`)
})

test('core and primitives are stable, and nothing else is yet', () => {
  expect(names.filter(name => !(name in EXPERIMENTAL))).toEqual(['latchkey'])
  expect(Object.keys(EXPERIMENTAL).filter(name => !names.includes(name))).toEqual([])
  for (const waitsFor of Object.values(EXPERIMENTAL)) expect(waitsFor.length).toBeGreaterThan(20)
})

test('the reference tells them apart', () => {
  expect(stabilityNote('latchkey')).toMatch(/^\*\*Stable\.\*\*/)
  expect(stabilityNote('latchkey/redis')).toMatch(/^\*\*Experimental\*\*.* a failover\./)
  expect(readFileSync(fromRoot('scripts/reference.js'), 'utf8')).toContain('stabilityNote(entry.name)')
})

test('the page promises codes, and names them', () => {
  for (const word of ['ERR_LOCK_TIMEOUT', 'metric names', 'text of messages', 'semantic versioning'])
    expect(page).toContain(word)
})

test('the first entry of the changelog names every entry point', () => {
  const changelog = readFileSync(fromRoot('CHANGELOG.md'), 'utf8')
  const [, entry = ''] = changelog.split('## 0.1.0\n')
  expect(names.filter(name => !entry.includes(`\`${name}\``))).toEqual([])
  expect(entry.match(/(?<=^### ).*/gm)?.slice(0, 4)).toEqual(['Locks', 'Processes and machines', 'Seeing', 'Testing'])
})
