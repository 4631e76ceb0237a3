/// <reference types="node" />
// Writes the shortest failing schedule as a test that needs nothing but the lock and a test runner.

import { dirname, relative, resolve, sep } from 'node:path'
import type { Step, Verdict } from '../testing/index.js'
import type { Examined } from './examine.js'
import type { Result } from './judgement.js'
import type { Runner } from './usage.js'

/** Steps that a test can take by itself. */
const POSSIBLE: ReadonlySet<Step['does']> = new Set([
  'acquire',
  'try',
  'run',
  'run throwing',
  'release',
  'release again',
  'finish',
  'fail',
  'abort'
])

/** The test, or nothing where no schedule could be one. */
export function emitTest(results: readonly Result[], path: string, runner: Runner): string | undefined {
  const found = results.flatMap(({ file, examined, judgement }) =>
    [...judgement.failing, ...judgement.told].flatMap(verdict => {
      const { steps } = verdict
      const isPossible = steps?.every(({ does, with: limit }) => POSSIBLE.has(does) && limit !== 'timeout')
      return file && examined?.made && steps && isPossible ? [{ file, examined, verdict, steps }] : []
    })
  )
  const [shortest] = found.sort((a, b) => a.steps.length - b.steps.length)
  return shortest && testOf(shortest.file, shortest.examined, shortest.verdict, path, runner)
}

function testOf(file: string, { made }: Examined, verdict: Verdict, path: string, runner: Runner): string {
  const { guarantee, name, why = '', steps = [], schedule = [], timeline } = verdict
  const { exported, create, code } = made!
  const from = relative(dirname(resolve(path)), file)
    .split(sep)
    .join('/')
  const source = JSON.stringify(from.startsWith('.') ? from : `./${from}`)
  const imported = exported === '*' ? `import * as lock from ${source}` : `import * as exports from ${source}`
  const at = exported === 'default' ? 'exports.default' : `(exports.${exported} ?? exports.default?.${exported})`
  const make =
    exported === '*' ? '' : `  const made = ${at}\n  const lock = ${create === undefined ? 'made' : create}\n`
  const clients = timeline?.clients ?? []
  const body = steps.flatMap((step, i) => {
    const next = steps[i + 1]
    const pause = !next?.sameTurn
      ? 'await quiet()'
      : next.after
        ? `for (let i = 0; i < ${next.after}; i++) await undefined`
        : undefined
    return [`${callOf(step, clients)} // ${i + 1}. ${schedule[i] ?? step.does}`, ...(pause ? [pause] : [])]
  })
  const checks = (timeline?.expected ?? []).map(({ client, state }) => {
    const who = JSON.stringify(clients[client])
    return `assert.equal(state[${who}], ${JSON.stringify(state)}, ${JSON.stringify(why)})`
  })
  const head =
    runner === 'vitest'
      ? `import { assert, test } from 'vitest'`
      : `import assert from 'node:assert/strict'\nimport { test } from 'node:test'`
  return `// ${guarantee} ${name}: ${why}. The shortest schedule that shows it.

${head}
${imported}

test(${JSON.stringify(`${guarantee} ${name}: ${why}`)}, async () => {
${make}${helpers(code, steps)}
${body.map(line => `  ${line}`).join('\n')}
${checks.map(line => `  ${line}\n`).join('')}  assert.equal(wrong, undefined, wrong)
})
`
}

function callOf(
  { does, client = 0, key = 'a', mode = 'write', with: limit }: Step,
  clients: readonly string[]
): string {
  const who = JSON.stringify(clients[client] ?? String(client))
  const isPlain = key === 'a' && mode === 'write' && limit === undefined
  const options = isPlain ? '' : `, ${JSON.stringify({ key, mode, limit })}`
  switch (does) {
    case 'acquire':
      return `acquire(${who}${options})`
    case 'try':
      return `tryAcquire(${who}${options})`
    case 'run':
      return `run(${who}${options})`
    case 'run throwing':
      return `run(${who}, { ...${isPlain ? '{}' : JSON.stringify({ key, mode, limit })}, throws: true })`
    case 'release again':
      return `last()`
    case 'finish':
      return `finish(${who})`
    case 'fail':
      return `fail(${who})`
    case 'abort':
      return `controllers[${who}].abort()`
    default:
      return `release(${who})`
  }
}

/** What the steps are written with: only as much of it as these need. */
function helpers(code: NonNullable<Examined['made']>['code'], steps: readonly Step[]): string {
  const does = (...names: Step['does'][]) => steps.some(step => names.includes(step.does))
  const both = (of: (calls: typeof code.write) => string | undefined): string =>
    code.read ? `mode === 'read' ? ${of(code.read)} : ${of(code.write)}` : (of(code.write) ?? 'undefined')
  const lines = [
    `const state = {} // of each caller: waiting, holding or idle`,
    `const releases = {}`,
    `const controllers = {}`,
    `const keys = { a: {}, b: {} }`,
    `let wrong`,
    `let last = () => {}`,
    `const quiet = () => new Promise(resolve => setTimeout(resolve, 20))`,
    `const signalOf = (who, limit) => {`,
    `  controllers[who] = new AbortController()`,
    `  if (limit === 'aborted signal') controllers[who].abort()`,
    `  return limit === undefined ? undefined : controllers[who].signal`,
    `}`
  ]
  if (does('acquire', 'release'))
    lines.push(
      `const acquire = (who, { key = 'a', mode = 'write', limit } = {}) => {`,
      `  const signal = signalOf(who, limit)`,
      `  state[who] = 'waiting'`,
      `  const take = value => {`,
      `    state[who] = 'holding'`,
      `    releases[who] = ${both(({ releaser }) => releaser)}`,
      `  }`,
      `  const leave = () => { state[who] = 'idle' }`,
      code.write.callback
        ? `  const granted = (...given) => take(given.find(value => typeof value === 'function' || value?.release)); ${both(({ acquire }) => acquire)}`
        : `  Promise.resolve(${both(({ acquire }) => acquire)}).then(take, leave)`,
      `}`
    )
  if (does('try'))
    lines.push(
      `const tryAcquire = (who, { key = 'a', mode = 'write' } = {}) => {`,
      `  const value = ${both(({ tryAcquire }) => tryAcquire)}`,
      `  state[who] = value ? 'holding' : 'idle'`,
      `  if (value) releases[who] = ${both(({ releaser }) => releaser)}`,
      `}`
    )
  if (does('release', 'release again'))
    lines.push(`const release = who => {`, `  state[who] = 'idle'`, `  last = releases[who]`, `  last()`, `}`)
  if (does('run', 'run throwing'))
    lines.push(
      `const results = {}`,
      `const ends = {}`,
      `const run = (who, { key = 'a', mode = 'write', limit, throws = false } = {}) => {`,
      `  const signal = signalOf(who, limit)`,
      `  state[who] = 'waiting'`,
      `  const result = { of: who }`,
      `  results[who] = result`,
      `  const task = (...given) => {`,
      `    if (given.some(value => value !== result && Object.values(results).includes(value))) wrong ??= \`the task of \${who} is given what is not its own\``,
      `    state[who] = 'holding'`,
      `    if (throws) { state[who] = 'idle'; throw result }`,
      `    return new Promise((resolve, reject) => { ends[who] = { resolve, reject, result } })`,
      `  }`,
      `  const told = value => { if (value !== result) wrong ??= \`\${who} is told what is not its own\` }`,
      `  const call = ${both(({ run, wraps }) => `${run}${wraps ? '()' : ''}`)}`,
      ...(code.write.tells
        ? [
            `  Promise.resolve(call).then(told, reason => { if (state[who] === 'waiting') state[who] = 'idle'; else told(reason) })`
          ]
        : [`  void call`]),
      `}`,
      `const finish = who => { state[who] = 'idle'; ends[who].resolve(ends[who].result) }`,
      `const fail = who => { state[who] = 'idle'; ends[who].reject(ends[who].result) }`
    )
  return lines.map(line => `  ${line}`).join('\n')
}
