// The docs name the metrics that the code exports: the table is written by a script, and everything else is looked up.

import { readFileSync } from 'node:fs'
import { Mutex } from 'latchkey'
import { LockMonitor, prometheusText } from 'latchkey/monitor'
import { expect, test } from 'vitest'
import { withTable } from '../../scripts/metrics-table.js'
import { fromRoot } from '../../scripts/project.js'
import { metricsTable } from '../../src/monitor/metrics.js'

const page = readFileSync(fromRoot('docs/monitoring.md'), 'utf8')

test('the table of docs/monitoring.md is what the code gives: node scripts/metrics-table.js', () => {
  expect(withTable(page, metricsTable())).toBe(page)
  expect(withTable(page, '| other |')).not.toBe(page)
  expect(() => withTable('no place', '')).toThrow('no place for the table')
})

test('every metric that the page names is exported, and every exported one is in the table', () => {
  const monitor = new LockMonitor()
  new Mutex({ observer: monitor }).tryAcquire()
  const exported = Array.from(prometheusText(monitor).matchAll(/^# TYPE (\w+)/gm), ([, name = '']) => name)
  const named = new Set(
    Array.from(page.matchAll(/\blatchkey_lock_\w+/g), ([name]) => name.replace(/_(bucket|sum)$/, ''))
  )
  expect([...named].sort()).toEqual([...exported].sort())
})
