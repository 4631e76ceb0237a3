// How a row is timed. The contenders of a row take turns inside a round, in an order that changes from round to round,
// the floor and latchkey always next to each other, and a ratio is the median over the rounds of two times from the same round: whatever the machine was busy with, it
// was busy with for both.
//
// What is not done here, because it distorts: no gc() between samples (it clears V8's caches and deoptimises, which moves
// ratios by a factor of two), and no new locks between rounds (each contender keeps its own, as a program does).

/**
 * One party of a row.
 *
 * @typedef {object} Contender
 * @property {string} name
 * @property {'floor' | 'latchkey' | 'peer'} role
 * @property {(size: number) => unknown} run does `size` operations
 * @property {boolean} [byHand] what the row asks for is written around the package, as its users do
 */

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {string} name
 * @property {number} size operations in one call of a contender's `run`
 * @property {number} [repeat] calls that make one sample, so that a sample of a small size is not too short to time
 * @property {number} [bar] the measured value may not be above it; a row without a bar informs
 * @property {number} [aim]
 */

/**
 * @typedef {{ size: number, ns: number }} Known nanoseconds per operation, at a size
 */

/**
 * A peer that is not measured at this size, and the last thing known about it.
 *
 * @typedef {{ size: number, ns: number, quadratic: boolean, seconds: number }} Skip
 */

/**
 * @typedef {object} Timing what `timeRow` returns
 * @property {Map<string, number[]>} samples nanoseconds per operation, by round; NaN in a round that was sat out
 * @property {Map<string, Skip>} skipped
 */

/**
 * @typedef {object} Effort
 * @property {number} rounds at most
 * @property {number} [leastRounds] when the time is up, unless it has been up ten times
 * @property {number} [time] milliseconds that the floor and latchkey may each take of a row
 * @property {number} budget milliseconds for a round of a peer's warm-up, and after which a peer that had three rounds
 * sits out the rest
 * @property {number} patience milliseconds: a peer that would need more for one sample is skipped
 * @property {number} [peersUpTo] the largest size at which peers are measured at all
 * @property {number} [peerWeighings] rounds of a peer where memory is measured
 * @property {number} [warmUp] operations in each of the three warm-up rounds
 * @property {() => number} [now] milliseconds
 * @property {() => number} [random]
 * @property {(row: Row, done: number, total: number) => void} [onRound]
 */

/**
 * Rows that share their contenders and run in one process.
 *
 * @typedef {object} Experiment
 * @property {string} group
 * @property {Row[]} rows smallest size first
 * @property {() => Contender[]} [contenders] what is timed
 * @property {(rows: Row[], effort: Effort) => Promise<Result[]>} [measure] what is not a matter of time
 */

/**
 * A row as measured. `measured` is what its bar is for: the ratio to the floor where there is one, else `own`.
 *
 * @typedef {object} Result
 * @property {string} group
 * @property {string} id
 * @property {string} name
 * @property {'ns' | 'B'} unit of `own`, of the floor and of the peers
 * @property {number} [bar]
 * @property {number} [aim]
 * @property {Summary} measured
 * @property {Summary} own
 * @property {{ name: string } & Summary} [floor]
 * @property {'aim' | 'bar' | 'missed'} [verdict] what was reached
 * @property {Peer[]} peers
 * @property {'first' | 'level' | 'behind'} [place] among the peers that were measured
 */

/**
 * @typedef {object} Peer `factor`: how many times latchkey's cost this peer's is
 * @property {string} name
 * @property {boolean} byHand
 * @property {Summary} [cost]
 * @property {Summary} [factor]
 * @property {Skip} [skip]
 */

const warmUpRounds = 3
/** Milliseconds that make a sample. */
const longEnough = 10
/** Nanoseconds per operation: a linear queue may need so many on a busy machine and in a full heap. */
const suspicious = 10_000
/** It will not need so many. */
const undeniable = 20_000
/** Milliseconds that a second opinion may take. */
const cheap = 150
/** Sizes up to this are over before anyone could say that they take long. */
const unquestioned = 20_000

/**
 * @param {Row} row
 * @param {Contender[]} contenders
 * @param {Effort} effort
 * @param {Map<string, Known[]>} [history] of each peer at smaller sizes
 * @returns {Promise<Timing>}
 */
export async function timeRow(row, contenders, effort, history = new Map()) {
  const { rounds, leastRounds = rounds, time = Number.POSITIVE_INFINITY, budget, patience, warmUp = 20_000 } = effort
  const { now = () => performance.now(), random = seededRandom() } = effort
  const repeat = row.repeat ?? 1

  // Peers that took part in a smaller row are warm, and in small portions no queue is so long that it is slow.
  const cold = contenders.filter(({ name, role }) => role !== 'peer' || !history.has(name))
  for (let round = 0; round < warmUpRounds; round++) {
    for (const { role, run } of inTurn(cold, random)) {
      const size = Math.min(row.size, role === 'peer' ? warmUp / 20 : warmUp)
      const began = now()
      for (let done = 0; done < warmUp; done += size) {
        if (role === 'peer' && now() - began >= budget) break
        await run(size)
      }
    }
    effort.onRound?.(row, round + 1, warmUpRounds + rounds)
  }

  /** @type {Map<string, Skip>} */
  const skipped = new Map()
  for (const { name, role, run } of contenders) {
    if (role !== 'peer') continue
    const known = history.get(name) ?? []
    history.set(name, known)
    const skip = await foreseeSkip(known, row.size, patience, async size => {
      const start = now()
      await run(size)
      return ((now() - start) * 1e6) / size
    })
    if (skip) skipped.set(name, skip)
  }
  const running = contenders.filter(({ name }) => !skipped.has(name))
  const samples = new Map(running.map(({ name }) => [name, /** @type {number[]} */ ([])]))
  const spent = new Map(running.map(({ name }) => [name, 0]))

  const isOver = (/** @type {number} */ limit) =>
    running.every(({ name, role }) => role === 'peer' || (spent.get(name) ?? 0) >= limit)
  // Where one round takes far longer than all were meant to, there are fewer than the least.
  for (let round = 0; round < rounds && !isOver(round < leastRounds ? 10 * time : time); round++) {
    for (const { name, role, run } of inTurn(running, random)) {
      const own = /** @type {number[]} */ (samples.get(name))
      const soFar = /** @type {number} */ (spent.get(name))
      // Three rounds are little enough, but some would fill an hour with them.
      if (role === 'peer' && soFar >= (own.length < 3 ? 4 * budget : budget)) {
        own.push(Number.NaN)
        continue
      }
      const start = now()
      let calls = 0
      // A slow peer need not do it all over and over again for its sample to be long enough.
      while (calls < repeat && (role !== 'peer' || now() - start < longEnough)) {
        await run(row.size)
        calls++
      }
      const elapsed = now() - start
      own.push((elapsed * 1e6) / (calls * row.size))
      spent.set(name, soFar + elapsed)
    }
    effort.onRound?.(row, warmUpRounds + round + 1, warmUpRounds + rounds)
  }
  return { samples, skipped }
}

/**
 * Rows that differ in size only, smallest first: a peer whose cost per operation grows with the size is not asked to
 * show it at a size where that takes minutes.
 *
 * @param {Row[]} rows
 * @param {Contender[]} contenders
 * @param {Effort[]} efforts one for each row
 * @returns {Promise<Timing[]>}
 */
export async function timeRows(rows, contenders, efforts) {
  /** @type {Map<string, Known[]>} */
  const history = new Map()
  const timings = []
  for (const [i, row] of rows.entries()) {
    const effort = /** @type {Effort} */ (efforts[i])
    const { peersUpTo = Number.POSITIVE_INFINITY } = effort
    const present = contenders.filter(({ role }) => role !== 'peer' || row.size <= peersUpTo)
    const timing = await timeRow(row, present, effort, history)
    for (const [name, own] of timing.samples) history.get(name)?.push({ size: row.size, ns: quantile(own, 0) })
    timings.push(timing)
  }
  return timings
}

/**
 * Says whether a sample of `size` operations would take longer than `patience`, going by what is known of smaller sizes
 * and, where that is too far away to tell, by trying.
 *
 * @param {Known[]} known smallest size first; what is tried is added
 * @param {number} size
 * @param {number} patience milliseconds
 * @param {(size: number) => Promise<number>} attempt nanoseconds per operation
 * @returns {Promise<Skip | undefined>}
 */
export async function foreseeSkip(known, size, patience, attempt) {
  if (size <= unquestioned) return undefined
  // A machine has bad moments, and nobody is at their best the first time: who is under suspicion may try again.
  const judged = async () => {
    const last = known.at(-1)
    const canRetry = last !== undefined && last.ns * last.size < cheap * 1e6
    for (let retry = 0; canRetry && retry < 2 && extrapolate(known, size, patience); retry++) {
      last.ns = Math.min(last.ns, await attempt(last.size))
    }
    return extrapolate(known, size, patience)
  }
  for (const trial of [size / 50, size / 5]) {
    if (trial <= (known.at(-1)?.size ?? 0)) continue
    if (await judged()) break
    known.push({ size: trial, ns: await attempt(trial) })
  }
  return judged()
}

/**
 * The cost per operation of a quadratic queue grows with the size, or faster while it leaves V8's shortcuts behind (an
 * array of up to 16,000 waiters is not moved when its first leaves). That of a linear one grows too, since the garbage
 * collector and the caches have a harder time, but it does not get far.
 *
 * @param {Known[]} known
 * @param {number} size
 * @param {number} patience milliseconds
 * @returns {Skip | undefined}
 */
function extrapolate(known, size, patience) {
  const last = known.at(-1)
  if (last === undefined) return undefined
  const before = known.findLast(({ size }) => size * 10 <= last.size)
  const exponent = before ? Math.log(last.ns / before.ns) / Math.log(last.size / before.size) : 0
  const steep = exponent > 0.75 && last.ns > suspicious
  const expected = last.ns * (size / last.size) ** Math.min(Math.max(exponent, 0), steep ? 1 : 0.3) * size
  if (expected <= patience * 1e6) return undefined
  return { ...last, quadratic: steep && last.ns > undeniable, seconds: expected / 1e9 }
}

/** @param {number[]} values NaN is left out */
export function median(values) {
  return quantile(values, 0.5)
}

/**
 * @param {number[]} values NaN is left out
 * @param {number} q between 0 and 1; between two values it is interpolated
 */
export function quantile(values, q) {
  const sorted = values.filter(value => !Number.isNaN(value)).sort((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * q
  const below = /** @type {number} */ (sorted[Math.floor(position)])
  const above = /** @type {number} */ (sorted[Math.ceil(position)])
  return below + (above - below) * (position - Math.floor(position))
}

/**
 * @typedef {{ median: number, low: number, high: number, rounds: number }} Summary the middle half of the values lies
 * between `low` and `high`
 */

/**
 * @param {number[]} values
 * @returns {Summary}
 */
export function summarise(values) {
  const rounds = values.filter(value => !Number.isNaN(value)).length
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75), rounds }
}

/**
 * How many times `b` goes into `a`, taken round by round.
 *
 * @param {number[]} a
 * @param {number[]} b
 */
export function compare(a, b) {
  return summarise(a.map((value, round) => value / (b[round] ?? Number.NaN)))
}

/**
 * @param {Experiment} experiment
 * @param {Effort} effort
 * @param {(row: Row) => boolean} wanted
 * @returns {Promise<Result[]>}
 */
export async function conduct({ group, rows, contenders, measure }, effort, wanted) {
  if (measure) return measure(rows.filter(wanted), effort)
  const parties = contenders?.() ?? []
  // A smaller size that nobody asked about is looked at all the same: it says who must not be asked for a larger one.
  const upTo = rows.findLastIndex(wanted) + 1
  const efforts = rows.map(row => (wanted(row) ? effort : { ...effort, rounds: 1 }))
  const timings = await timeRows(rows.slice(0, upTo), parties, efforts)
  return timings
    .map((timing, i) => judge(group, /** @type {Row} */ (rows[i]), parties, timing))
    .filter((_, i) => wanted(/** @type {Row} */ (rows[i])))
}

/**
 * @param {string} group
 * @param {Row} row
 * @param {Contender[]} contenders
 * @param {Timing} timing
 * @param {'ns' | 'B'} [unit]
 * @returns {Result}
 */
export function judge(group, { id, name, bar, aim }, contenders, { samples, skipped }, unit = 'ns') {
  const of = (/** @type {Contender | undefined} */ contender) => samples.get(contender?.name ?? '') ?? []
  const own = of(contenders.find(({ role }) => role === 'latchkey'))
  const floor = contenders.find(({ role }) => role === 'floor')
  const measured = floor ? compare(own, of(floor)) : summarise(own)
  // A weight does not change from round to round, so the rounds need not match, and one that went wrong does not matter.
  const against = (/** @type {number[]} */ costs) => (unit === 'ns' ? own : costs.map(() => median(own)))
  const peers = contenders
    .filter(({ name, role }) => role === 'peer' && (samples.has(name) || skipped.has(name)))
    .map(peer => {
      const { name, byHand = false } = peer
      const skip = skipped.get(name)
      const costs = of(peer)
      return { name, byHand, ...(skip ? { skip } : { cost: summarise(costs), factor: compare(costs, against(costs)) }) }
    })
  return {
    group,
    id,
    name,
    unit,
    ...(bar === undefined ? {} : { bar, verdict: verdict(measured.median, bar, aim) }),
    ...(aim === undefined ? {} : { aim }),
    measured,
    own: summarise(own),
    ...(floor ? { floor: { name: floor.name, ...summarise(of(floor)) } } : {}),
    peers,
    ...place(peers)
  }
}

/**
 * @param {number} measured
 * @param {number} bar
 * @param {number} [aim]
 * @returns {'aim' | 'bar' | 'missed'}
 */
export function verdict(measured, bar, aim = Number.NEGATIVE_INFINITY) {
  return measured <= aim ? 'aim' : measured <= bar ? 'bar' : 'missed'
}

/** Two copies of one lock differ by up to this when they compete. */
const tie = 0.05

/**
 * Ahead of a peer, or behind it, if the middle half of the rounds says so and the difference is more than chance.
 *
 * @param {Summary | undefined} factor how many times latchkey's cost the peer's is
 * @returns {'ahead' | 'level' | 'behind' | undefined}
 */
export function standing(factor) {
  if (factor === undefined) return undefined
  if (factor.high < 1 && factor.median < 1 - tie) return 'behind'
  return factor.low > 1 && factor.median > 1 + tie ? 'ahead' : 'level'
}

/**
 * @param {Peer[]} peers
 * @returns {{ place?: 'first' | 'level' | 'behind' }}
 */
function place(peers) {
  const standings = peers.map(({ factor }) => standing(factor))
  if (standings.includes('behind')) return { place: 'behind' }
  if (standings.includes('level')) return { place: 'level' }
  return standings.includes('ahead') ? { place: 'first' } : {}
}

/**
 * In an order that chance decides, the floor and latchkey next to each other: the ratio of these two is held to a bar.
 *
 * @param {Contender[]} contenders
 * @param {() => number} random
 */
function inTurn(contenders, random) {
  const pair = contenders.filter(({ role }) => role !== 'peer')
  const peers = contenders.filter(({ role }) => role === 'peer').map(peer => [peer])
  return shuffled([shuffled(pair, random), ...peers], random).flat()
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {() => number} random
 * @returns {T[]}
 */
export function shuffled(items, random) {
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const swapped = /** @type {T} */ (order[j])
    order[j] = /** @type {T} */ (order[i])
    order[i] = swapped
  }
  return order
}

/** Mulberry32: the same orders in every run, so that two runs differ by the machine alone. */
export function seededRandom(seed = 1) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
