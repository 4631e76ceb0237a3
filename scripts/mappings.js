// Source maps of files that are edited after the compiler wrote them: https://tc39.es/ecma426/

/** @typedef {{ from: number, to: number, by?: string }} Edit `text.slice(from, to)` becomes `by`, or nothing. */
/** @typedef {{ column: number, source: number, line: number, at: number }} Segment a place in a line, and what it came from */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * @param {string} text
 * @param {readonly Edit[]} edits in order, none inside another
 */
export function applyEdits(text, edits) {
  let edited = ''
  let end = 0
  for (const { from, to, by = '' } of edits) {
    edited += text.slice(end, from) + by
    end = to
  }
  return edited + text.slice(end)
}

/**
 * The mappings of a text after edits: what was cut is in them no more, what stands behind a cut has moved.
 *
 * @param {string} mappings
 * @param {string} text before the edits
 * @param {readonly Edit[]} edits in order, none inside another
 */
export function shiftMappings(mappings, text, edits) {
  const before = lineStarts(text)
  const after = lineStarts(applyEdits(text, edits))
  /** @type {Segment[][]} */
  const lines = after.map(() => [])
  for (const [index, segments] of decode(mappings).entries()) {
    for (const segment of segments) {
      const offset = (before[index] ?? 0) + segment.column
      if (edits.some(({ from, to }) => from <= offset && offset < to)) continue
      const moved = edits.reduce(
        (sum, { from, to, by = '' }) => (to <= offset ? sum + by.length - (to - from) : sum),
        offset
      )
      const line = after.findLastIndex(start => start <= moved)
      lines[line]?.push({ ...segment, column: moved - (after[line] ?? 0) })
    }
  }
  return encode(lines)
}

/** @param {string} text */
const lineStarts = text => [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)]

/**
 * The segments of each line. Those that lead nowhere, and names, do not occur in what the compiler writes of declarations.
 *
 * @param {string} mappings
 * @returns {Segment[][]}
 */
export function decode(mappings) {
  let [source, line, at] = [0, 0, 0]
  return mappings.split(';').map(segments => {
    let column = 0
    return segments
      .split(',')
      .filter(Boolean)
      .map(segment => {
        const [columns = 0, sources = 0, lines = 0, ats = 0] = numbersOf(segment)
        column += columns
        source += sources
        line += lines
        at += ats
        return { column, source, line, at }
      })
  })
}

/** @param {readonly Segment[][]} lines */
export function encode(lines) {
  let [source, line, at] = [0, 0, 0]
  return lines
    .map(segments => {
      let column = 0
      return segments
        .map(segment => {
          const parts = [segment.column - column, segment.source - source, segment.line - line, segment.at - at]
          column = segment.column
          source = segment.source
          line = segment.line
          at = segment.at
          return parts.map(digitsOf).join('')
        })
        .join(',')
    })
    .join(';')
}

/** Numbers in base 64: five bits a digit, the least first, the sixth bit says that more follow; the sign is the first bit. */
function numbersOf(/** @type {string} */ digits) {
  const numbers = []
  let [number, shift] = [0, 0]
  for (const digit of digits) {
    const bits = DIGITS.indexOf(digit)
    number += (bits & 31) << shift
    shift += 5
    if (bits & 32) continue
    numbers.push(number & 1 ? -(number >> 1) : number >> 1)
    number = 0
    shift = 0
  }
  return numbers
}

function digitsOf(/** @type {number} */ number) {
  let rest = number < 0 ? (-number << 1) | 1 : number << 1
  let digits = ''
  do {
    digits += DIGITS[(rest & 31) | (rest > 31 ? 32 : 0)]
    rest >>= 5
  } while (rest > 0)
  return digits
}
