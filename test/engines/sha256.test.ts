// Keys fall on the numbers that anyone else computes for them.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Start } from '../../src/engines/postgres/sha256.js'

const reference = (text: string) => createHash('sha256').update(text).digest().readBigInt64BE()

test.each([0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000])('%d characters', length => {
  expect(sha256Start('k'.repeat(length))).toBe(reference('k'.repeat(length)))
})

test('any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), text => {
      expect(sha256Start(text)).toBe(reference(text))
    }),
    { seed: 1 }
  )
})

test('surrogates that stand alone are told apart', () => {
  const numbers = ['\ud800', '\udc00', '\udc00\ud800', '\ufffd', 'a\ud800', 'a\udc00'].map(sha256Start)
  expect(new Set(numbers).size).toBe(numbers.length)
})
