// docs/errors.md has every code that an error of the package can have, and no other.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { readMarkdown } from './docs/markdown.js'

/** Codes of Node, which the command line looks for. */
const NODE = ['ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX', 'ERR_INVALID_TYPESCRIPT_SYNTAX']

/** Every code that a source text names, those of a template included: `ERR_${'A' | 'B'}_${'C' | 'D'}`. */
function codesOf(source: string): string[] {
  const plain = Array.from(source.matchAll(/'(ERR_[A-Z_]+)'/g), ([, code = '']) => code)
  const templates = Array.from(source.matchAll(/`(ERR_(?:[A-Z_]|\$\{'[^}]*\})+)`/g), ([, template = '']) => template)
  return [...plain, ...templates.filter(template => template.includes("'")).flatMap(expand)]
}

function expand(template: string): string[] {
  const [whole, alternatives] = /\$\{([^}]*)\}/.exec(template) ?? []
  if (whole === undefined || alternatives === undefined) return [template]
  return alternatives.split('|').flatMap(word => expand(template.replace(whole, word.trim().replaceAll("'", ''))))
}

const sources = readdirSync(fromRoot('src'), { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'))
const inCode = new Set(sources.flatMap(path => codesOf(readFileSync(fromRoot(`src/${path}`), 'utf8'))))
for (const code of NODE) inCode.delete(code)

const rows = readMarkdown('docs/errors.md', readFileSync(fromRoot('docs/errors.md'), 'utf8')).rows
const documented = rows.flatMap(({ cells }) => cells[0]?.match(/ERR_[A-Z_]+/g) ?? [])

describe('the table of error codes', () => {
  test('has each code of the sources once', () => {
    expect([...documented].sort()).toEqual([...inCode].sort())
  })

  test('and those of Node are still looked for', () => {
    const all = sources.map(path => readFileSync(fromRoot(`src/${path}`), 'utf8')).join('\n')
    expect(NODE.filter(code => !all.includes(`'${code}'`))).toEqual([])
  })

  test('says of each what happened and what to do', () => {
    const entries = rows.filter(({ cells }) => cells[0]?.includes('ERR_'))
    for (const { cells } of entries) {
      expect(cells).toHaveLength(4)
      expect(
        cells.slice(2).filter(cell => cell.length < 10),
        cells[0]
      ).toEqual([])
    }
  })

  test('reads codes that are written as a template', () => {
    expect(
      codesOf("`ERR_$1{'A' | 'B'}_$1{'C' | 'D'}`; code = 'ERR_E'; `ERR_$1{code}_F`".replaceAll('$1', '$$'))
    ).toEqual([...['ERR_E', 'ERR_A_C', 'ERR_A_D', 'ERR_B_C', 'ERR_B_D']])
  })
})
