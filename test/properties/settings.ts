// The same runs every time. To look further: PROPERTY_SEED=7 PROPERTY_RUNS=20 npx vitest run test/properties

import type { Parameters } from 'fast-check'
import { afterAll, beforeAll } from 'vitest'

const seed = Number(process.env.PROPERTY_SEED ?? 20_260)
const factor = Number(process.env.PROPERTY_RUNS ?? 1)

/** Whether there are as many runs as it takes to come across everything. */
export const isFullRun = factor >= 1

/** @param numRuns multiplied by PROPERTY_RUNS */
export function settings(numRuns: number): Parameters<unknown> {
  return { seed, numRuns: Math.max(1, Math.round(numRuns * factor)) }
}

/** All that tells the time. Not setImmediate and the like: the tests wait for microtasks with them. */
export const FAKED: ('setTimeout' | 'clearTimeout' | 'setInterval' | 'clearInterval' | 'Date' | 'performance')[] = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'Date',
  'performance'
]

/** The reasons of the rejections that nobody handled while this file's tests ran. */
export function watchRejections(): readonly unknown[] {
  const reasons: unknown[] = []
  const note = (reason: unknown) => {
    reasons.push(reason)
  }
  beforeAll(() => {
    process.on('unhandledRejection', note)
  })
  afterAll(() => {
    process.off('unhandledRejection', note)
  })
  return reasons
}

/** Falsy ones too: a lock that tests for a reason with `if` or `||` loses them. */
export const REASONS: readonly unknown[] = [new Error('given up'), 'a word', null, 0, false, '']
/** What a platform timer can count to, in ms. */
export const LONGEST_TIMER = 2 ** 31 - 1

const { setImmediate: immediate } = globalThis

/** Lets every microtask run, and what Node reports of unhandled rejections after them. */
export function microtasks(): Promise<void> {
  return new Promise(resolve => {
    immediate(resolve)
  })
}
