// What is published as declarations names nothing that a compiler or a platform may not have. `npm run check:package` compiles
// them with TypeScript 4.9 to 7; here is what each rewrite does, and that no built file escaped.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { portableText } from '../../scripts/declarations.js'
import { checkDefinitions } from '../../scripts/definitions.js'
import { applyEdits, decode, encode, shiftMappings } from '../../scripts/mappings.js'
import { fromRoot } from '../../scripts/project.js'

const portable = (...lines: string[]) => portableText(lines.join('\n'), './platform.js').split('\n')

describe('rewriting a declaration', () => {
  test('takes out what is private to the code', () => {
    expect(portable('export declare class A {', '    #private;', '    b(): void;', '}')).toEqual([
      'export declare class A {',
      '    b(): void;',
      '}'
    ])
  })

  test('imports what a platform has, and leaves alone what the file declares', () => {
    expect(portable('export type A = (it: AbortSignal) => AsyncIterable<string>')[0]).toBe(
      "import { AbortSignal, AsyncIterable } from './platform.js';"
    )
    const own = 'interface AbortSignal {}\nexport type A = AbortSignal'
    expect(portable(own).join('\n')).toBe(own)
    const word = '/** An AbortSignal. */\nexport type A = { AbortSignal: 1 }'
    expect(portable(word).join('\n')).toBe(word)
  })

  test('declares disposal in place of a library that an old compiler does not have', () => {
    const lines = [
      '/// <reference lib="esnext.disposable" preserve="true" />',
      'export interface A extends Disposable {}'
    ]
    expect(portable(...lines)).toEqual(["import {} from './platform.js';", lines[1]])
  })
})

test.each(['esm', 'cjs'])('no declaration in dist/%s needs more than that', half => {
  const folder = fromRoot(`dist/${half}`)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.d.ts'))
  expect(files).toContain('platform.d.ts')
  const found = files.flatMap(file =>
    (readFileSync(`${folder}/${file}`, 'utf8').match(/#private|^\/\/\/ <reference .*/gm) ?? []).map(
      it => `${file}: ${it}`
    )
  )
  expect(found).toEqual([])
})

describe('the maps of the declarations', () => {
  const segment = (column: number, line: number, at: number) => ({ column, source: 0, line, at })

  test('are read and written', () => {
    const lines = [[segment(0, 0, 0), segment(17, 40, 3)], [], [segment(4, 2, 900)]]
    expect(encode(lines)).toBe('AAAA,iBAwCG;;IAtCi4B')
    expect(decode(encode(lines))).toEqual(lines)
  })

  test('follow what is cut, and what is put in', () => {
    const text = 'one two\nthree four\nfive\n'
    const places = (text: string, ...words: string[]) =>
      text
        .split('\n')
        .map(line =>
          words.filter(word => line.includes(word)).map(word => segment(line.indexOf(word), words.indexOf(word), 0))
        )
    const edits = [
      { from: 0, to: 0, by: 'zero\n' },
      { from: 4, to: 14 }, // two … three
      { from: text.indexOf('five'), to: text.indexOf('five'), by: 'now ' }
    ]
    expect(applyEdits(text, edits)).toBe('zero\none four\nnow five\n')
    const words = ['one', 'two', 'three', 'four', 'five']
    expect(decode(shiftMappings(encode(places(text, ...words)), text, edits))).toEqual(
      places('zero\none four\nnow five\n', ...words)
    )
  })

  test('lead from every name to its place in the source', () => {
    const { checked, stray } = checkDefinitions(fromRoot('.'))
    expect(stray).toEqual([])
    expect(checked).toBeGreaterThan(3000)
  })
})
