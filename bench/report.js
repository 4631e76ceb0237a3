// The results as a person reads them.

import { styleText } from 'node:util'
import { standing } from './harness.js'

/** @typedef {import('./harness.js').Result} Result */
/** @typedef {import('./harness.js').Peer} Peer */
/** @typedef {import('./harness.js').Summary} Summary */
/** @typedef {import('./harness.js').Skip} Skip */

const verdicts = { aim: 'aim reached', bar: 'holds', missed: 'MISSED' }

/**
 * @param {Result[]} results
 * @param {{ colour?: boolean }} [options]
 */
export function report(results, { colour = false } = {}) {
  const paint = colour ? styleText : (/** @type {any} */ _, /** @type {string} */ text) => text
  const withPeers = results.filter(({ peers }) => peers.length > 0)
  return [
    paint('bold', 'Against the floors and the bars'),
    '',
    ...table(
      ['', 'latchkey', 'spread', 'floor', 'measured', 'middle half', 'bar', 'aim', ''],
      grouped(results, result => [
        cost(result.own.median, result.unit),
        spread(result.own),
        result.floor ? cost(result.floor.median, result.unit) : '',
        measured(result, result.measured.median),
        `${measured(result, result.measured.low)}–${measured(result, result.measured.high)}`,
        result.bar === undefined ? '' : `≤ ${measured(result, result.bar)}`,
        result.aim === undefined ? '' : measured(result, result.aim),
        result.verdict ? verdicts[result.verdict] : 'no bar'
      ])
    ).map(line => (line.includes('MISSED') ? paint('red', line) : line)),
    '',
    ...(withPeers.length > 0
      ? [
          paint('bold', 'Against the peers: how many times the cost of latchkey'),
          '',
          ...peerTable(withPeers),
          '',
          ...withPeers.flatMap(notes),
          '',
          '† The package has no such method: acquire, try, finally and release were written around it, as its users do.',
          '> It was too slow for this size: what it costs each at a smaller one, over what latchkey costs at this one.',
          ''
        ]
      : []),
    ...conclusion(results)
  ].join('\n')
}

/** @param {Result[]} results */
function peerTable(results) {
  const names = [...new Set(results.flatMap(({ peers }) => peers.map(({ name }) => name)))]
  return table(
    ['', 'latchkey', ...names, ''],
    grouped(results, result => [
      cost(result.own.median, result.unit),
      ...names.map(name =>
        factor(
          result.peers.find(peer => peer.name === name),
          result
        )
      ),
      placeOf(result)
    ])
  )
}

/**
 * @param {Peer | undefined} peer
 * @param {Result} result
 */
function factor(peer, { own }) {
  if (peer === undefined) return '– '
  const mark = peer.byHand ? '†' : ' '
  if (peer.factor) return `${significant(peer.factor.median)}×${mark}`
  // It costs no less at the size that was too much for it.
  const least = (peer.skip?.ns ?? 0) / own.median
  return `${least > 1 ? `>${significant(least)}×` : 'skipped'}${mark}`
}

/** @param {Result} result */
function placeOf({ place, peers }) {
  if (place === undefined) return ''
  const names = (/** @type {string} */ wanted) =>
    peers.flatMap(({ name, factor }) => (standing(factor) === wanted ? name : [])).join(', ')
  const parts = [
    place === 'behind' ? `BEHIND ${names('behind')}` : '',
    names('level') && `level with ${names('level')}`
  ]
  return place === 'first' ? 'first' : parts.filter(Boolean).join('; ')
}

/** @param {Result} result which of its peers have no factor, or one that rests on few rounds, and why */
function notes({ name, unit, own, peers }) {
  const skipped = peers.flatMap(({ name, skip }) => {
    if (skip === undefined) return []
    return `${name} (${skip.quadratic ? 'quadratic, ' : ''}${duration(skip.ns)} each at ${count(skip.size)})`
  })
  const seldom = peers.flatMap(({ name, cost }) =>
    unit === 'ns' && cost && cost.rounds < Math.min(3, own.rounds) ? `${name} (${cost.rounds})` : []
  )
  return [
    ...(skipped.length > 0 ? [`${name}: too slow, skipped: ${skipped.join(', ')}`] : []),
    ...(seldom.length > 0 ? [`${name}: slow, less than 3 of ${own.rounds} rounds: ${seldom.join(', ')}`] : [])
  ]
}

/** @param {Result[]} results */
function conclusion(results) {
  const barred = results.filter(({ verdict }) => verdict)
  const missed = barred.filter(({ verdict }) => verdict === 'missed')
  const compared = results.filter(({ place }) => place)
  const behind = compared.filter(({ place }) => place === 'behind')
  const level = compared.filter(({ place }) => place === 'level')
  const reached = barred.filter(({ verdict }) => verdict === 'aim').length
  const lines = [
    barred.length === 0
      ? 'Bars: none among these rows.'
      : `Bars: ${barred.length - missed.length} of ${barred.length} hold, ${reached} of them reach the aim.`,
    ...missed.map(result => {
      const near = result.measured.low <= /** @type {number} */ (result.bar) ? ', within the spread of this run' : ''
      return `  missed: ${result.group}, ${result.name}: ${measured(result, result.measured.median)}, bar ${measured(result, result.bar ?? 0)}${near}`
    })
  ]
  if (compared.length > 0) {
    const first = compared.length - behind.length - level.length
    lines.push(
      `Among the peers: first in ${first} of ${compared.length} rows${level.length > 0 ? `, level in ${level.length}` : ''}.`
    )
    for (const result of [...level, ...behind]) lines.push(`  ${result.group}, ${result.name}: ${placeOf(result)}`)
  }
  return lines
}

/**
 * One line for a result, indented below the name of its group.
 *
 * @param {Result[]} results
 * @param {(result: Result) => string[]} cells
 */
function grouped(results, cells) {
  /** @type {string[][]} */
  const lines = []
  let group = ''
  for (const result of results) {
    if (result.group !== group) lines.push([result.group])
    group = result.group
    lines.push([`  ${result.name}`, ...cells(result)])
  }
  return lines
}

/**
 * The first and the last column are text, those between are figures.
 *
 * @param {string[]} head
 * @param {string[][]} lines
 */
function table(head, lines) {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map(cells => (cells[column] ?? '').length)))
  const draw = (/** @type {string[]} */ cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 || column === head.length - 1 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd()
  return [draw(head), ...lines.map(draw)]
}

/** @param {Result} result @param {number} value of its `measured` */
function measured({ floor, unit }, value) {
  return floor ? `${value.toFixed(2)}×` : cost(value, unit)
}

/** @param {Summary} summary half of the middle half, in percent */
function spread({ median, low, high }) {
  return median === 0 ? '' : `±${(Math.abs((high - low) / 2 / median) * 100).toFixed(0)}%`
}

/** @param {number} value @param {Result['unit']} unit */
export function cost(value, unit) {
  return unit === 'ns' ? duration(value) : `${Math.round(value)} B`
}

/** @param {number} ns */
export function duration(ns) {
  if (ns < 1000) return `${ns < 100 ? ns.toFixed(1) : ns.toFixed(0)} ns`
  return `${significant(ns / 1000)} µs`
}

/** @param {number} value */
export function significant(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** @param {number} value a power of ten is shown as one */
function count(value) {
  const exponent = Math.log10(value)
  return Number.isInteger(exponent) ? `10^${exponent}` : value.toLocaleString('en')
}
