// What a lock needs to be made with, as its source tells.

import { expect, test } from 'vitest'
import { missingIn } from '../../src/testing/needs.js'

const classOf = (source: string) => new Function(`return (${source})`)() as (...args: unknown[]) => unknown

test.each<[string, string, string[]]>([
  ['what it calls', 'class { constructor(onError) { this.fail = () => onError(1) } }', ['onError']],
  ['what it keeps, and calls', 'class { constructor(cb) { this.done = cb } run() { this.done() } }', ['cb']],
  [
    'what it keeps in a private field',
    'class { #s; constructor(store) { this.#s = store } get() { return this.#s.get() } }',
    ['store']
  ],
  [
    'what it hands on as a handler',
    'class { constructor(log) { this.log = log } run(p) { return p.catch(this.log) } }',
    ['log']
  ],
  ['a name that is only kept', 'class { constructor(name) { this.name = name } }', []],
  [
    'a limit that is only compared',
    'class { constructor(limit) { this.limit = limit } ask() { return this.n < this.limit } }',
    []
  ],
  ['what has a default', 'class { constructor(log = () => {}) { this.log = log } run() { this.log() } }', []],
  ['what is asked for first', 'class { constructor(log) { this.log = log } run() { if (this.log) this.log() } }', []],
  ['what is called if it is there', 'class { constructor(log) { this.log = log } run() { this.log?.() } }', []],
  ['what falls back', 'class { constructor(options) { this.max = (options || {}).max } }', []],
  ['what is taken apart, with a default', 'class { constructor({ max = 1 } = {}) { this.max = max } }', []],
  ['the rest', 'class { constructor(...all) { all.map(String) } }', []]
])('%s', (_, source, missing) => {
  expect(missingIn(classOf(source), 0)).toEqual(missing)
})

test('what is given is not missing', () => {
  const source =
    'class { constructor(limit, hooks) { this.limit = limit; this.hooks = hooks } run() { this.hooks.full(this.limit.x) } }'
  expect(missingIn(classOf(source), 0)).toEqual(['limit', 'hooks'])
  expect(missingIn(classOf(source), 1)).toEqual(['hooks'])
  expect(missingIn(classOf(source), 2)).toEqual([])
})

test('a factory needs what it uses', () => {
  expect(missingIn(classOf('function createLock(store) { return { acquire: () => store.take() } }'), 0)).toEqual([
    'store'
  ])
})
