import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { draw } from '../../src/cli/draw.js'
import { picture } from '../../src/cli/picture.js'
import { panelsOf, reportLines } from '../../src/cli/report.js'
import { colours, noColours, paintFor, wrap } from '../../src/cli/terminal.js'
import type { Report, Timeline } from '../../src/testing/index.js'

/** A waiter that leaves takes the lock with it. */
const lost: Timeline = {
  clients: ['A', 'B', 'C'],
  moments: [
    { text: 'A acquires', client: 0, states: ['holding', 'idle', 'idle'] },
    { text: 'B acquires, and waits', client: 1, states: ['holding', 'waiting', 'idle'] },
    { text: 'C acquires, and waits', client: 2, states: ['holding', 'waiting', 'waiting'] },
    { text: 'the signal of B aborts', client: 1, states: ['holding', 'idle', 'waiting'] },
    { text: 'A releases', client: 0, states: ['idle', 'idle', 'waiting'] }
  ],
  fault: 'C waits forever, though the lock is free',
  expected: [{ client: 2, state: 'holding' }]
}

const twice: Timeline = {
  clients: ['first', 'second'],
  moments: [
    { text: 'first acquires', client: 0, states: ['holding', 'idle'] },
    { text: 'second acquires', client: 1, states: ['holding', 'holding'] }
  ],
  fault: 'both hold < & >',
  expected: [{ client: 1, state: 'waiting' }]
}

const report: Report = {
  outcome: 'broken',
  doubts: [],
  driven: ['acquire'],
  leftOut: [],
  shape: 'mutex: acquire() → releaser function',
  kind: 'mutex',
  keyed: false,
  schedules: 12_345,
  covered: 20_000,
  clients: 3,
  depth: 7,
  seed: 1,
  verdicts: [
    { guarantee: 'G1', name: 'exclusion', verdict: 'holds' },
    {
      guarantee: 'G3',
      name: 'progress',
      verdict: 'broken',
      why: 'a waiter that leaves takes the lock with it.',
      practice: 'One cancelled request stops all that come after it.',
      timeline: lost
    },
    { guarantee: 'G6', name: 'transparency', verdict: 'broken', schedule: ['A runs a task', 'the task throws'] },
    { guarantee: 'G7', name: 'waiting only', verdict: 'not offered', why: 'it takes no timeout' }
  ]
}

const examined = { how: 'new Mutex()', shape: report.shape, report }

describe('a timeline', () => {
  test('has a lane for each client, and shows the step that does not come', () => {
    expect(draw(lost).join('\n')).toBe(
      [
        '     A    B    C',
        '  1  ██    ·    ·   A acquires',
        '  2  ██   ░░    ·   B acquires, and waits',
        '  3  ██   ░░   ░░   C acquires, and waits',
        '  4  ██    ·   ░░   the signal of B aborts',
        '  5   ·    ·   ░░   A releases',
        '  ✗   ·    ·   ✗✗   C waits forever, though the lock is free',
        '',
        '  ██ holds   ░░ waits   ✗✗ C should hold'
      ].join('\n')
    )
  })

  test('makes room for names, and breaks long texts', () => {
    expect(draw(twice, { width: 44 }).join('\n')).toBe(
      [
        '     first  second',
        '  1   ██       ·     first acquires',
        '  2   ██      ██     second acquires',
        '  ✗   ██      ✗✗     both hold < & >',
        '',
        '  ██ holds   ✗✗ second should wait'
      ].join('\n')
    )
    const [, long, more] = draw(
      { ...twice, moments: [{ ...twice.moments[0]!, text: 'a word '.repeat(9) }] },
      { width: 44 }
    )
    expect([long, more]).toEqual([
      '  1   ██       ·     a word a word a word a',
      `${' '.repeat(22)}word a word a word a`
    ])
  })

  test('is the same with colours, apart from the colours', () => {
    const bare = stripVTControlCharacters(draw(lost, { paint: colours }).join('\n'))
    expect(bare).toBe(draw(lost).join('\n'))
  })
})

describe('a report', () => {
  test('has a line for each guarantee, and what is broken below', () => {
    expect(reportLines('lock.js', examined).join('\n')).toBe(
      [
        'lock.js: new Mutex()',
        'recognised as mutex: acquire() → releaser function',
        '',
        '  G1 exclusion     holds',
        '  G3 progress      broken',
        '  G6 transparency  broken',
        '  G7 waiting only  not offered  it takes no timeout',
        '',
        'G3 progress is broken: a waiter that leaves takes the lock with it.',
        'In practice: One cancelled request stops all that come after it.',
        '',
        ...draw(lost),
        '',
        'G6 transparency is broken.',
        '   1  A runs a task',
        '   2  the task throws',
        '',
        '2 of 3 guarantees are broken. 12,345 schedules were run.'
      ].join('\n')
    )
  })

  test('says that all is well', () => {
    const sound = { ...report, outcome: 'holds' as const, verdicts: report.verdicts.slice(0, 1) }
    expect(reportLines('lock.js', { ...examined, report: sound }).at(-1)).toBe(
      'All 1 guarantees that it offers hold. 12,345 schedules were run.'
    )
  })
})

describe('a picture', () => {
  const svg = picture([...panelsOf(report), { title: 'G1 exclusion is broken', timeline: twice }])

  test('stacks what is broken, and escapes what is written', () => {
    expect(svg).toContain('>G3 progress is broken</text>')
    expect(svg).toContain('>One cancelled request stops all that come after it.</text>')
    expect(svg).toContain('>G1 exclusion is broken</text>')
    expect(svg).toContain('>both hold &#60; &#38; &#62;</text>')
  })

  test('is as high as what it holds', () => {
    const height = Number(/viewBox="0 0 860 (\d+)"/.exec(svg)![1])
    const lowest = Math.max(...[...svg.matchAll(/<text [^>]*y="(\d+)"/g)].map(([, y]) => Number(y)))
    expect(height).toBeGreaterThan(lowest)
    expect(height).toBeLessThan(lowest + 60)
  })

  test('draws one bar for as long as a state lasts', () => {
    const [panel] = panelsOf(report)
    const bars = picture([panel!]).match(/class="(holding|waiting)"/g)
    // A holds, B waits, C waits.
    expect(bars).toEqual(['class="holding"', 'class="waiting"', 'class="waiting"'])
    expect(svg).toContain('prefers-color-scheme: dark')
  })
})

describe('the terminal', () => {
  test.each([
    ['a terminal', { isTTY: true }, {}, colours],
    ['a pipe', {}, {}, noColours],
    ['a terminal that knows none', { isTTY: true }, { TERM: 'dumb' }, noColours],
    ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, noColours],
    ['an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, colours],
    ['FORCE_COLOR', {}, { FORCE_COLOR: '1' }, colours],
    ['FORCE_COLOR=0', { isTTY: true }, { FORCE_COLOR: '0' }, noColours]
  ])('%s', (_, stream, env, paint) => {
    expect(paintFor(stream, env)).toBe(paint)
  })

  test('breaks at spaces alone', () => {
    expect(wrap('one two  three', 7)).toEqual(['one two', 'three'])
    expect(wrap('unbreakable', 4)).toEqual(['unbreakable'])
  })
})
