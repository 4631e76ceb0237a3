/// <reference types="node" />
// What can be written on the command line, and what is said when it was something else.

import { parseArgs } from 'node:util'
import type { Hints } from '../testing/hints.js'

/** The command line was wrong. The text says how, and what was probably meant. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface CheckCommand {
  readonly file: string
  readonly exported: string | undefined
  readonly hints: Hints
  readonly depth: number | undefined
  readonly clients: number | undefined
  readonly seed: number | undefined
  readonly waiters: number | undefined
  readonly deadline: number
  readonly json: boolean
  readonly svg: string | undefined
}

export interface BenchCommand {
  readonly json: boolean
  /** ms for each row. */
  readonly time: number
}

export type Command =
  | { readonly command: 'help'; readonly about: 'latchkey' | 'check' | 'bench' }
  | { readonly command: 'version' }
  | ({ readonly command: 'check' } & CheckCommand)
  | ({ readonly command: 'bench' } & BenchCommand)

const DEADLINE = 120_000

const SHAPES = ['acquire', 'pair', 'run', 'callback'] as const
const KINDS = ['mutex', 'semaphore', 'read-write-lock'] as const

type Flags = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>

const COMMON: Flags = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } }
const CHECK: Flags = {
  ...COMMON,
  json: { type: 'boolean' },
  svg: { type: 'string' },
  depth: { type: 'string' },
  clients: { type: 'string' },
  seed: { type: 'string' },
  waiters: { type: 'string' },
  deadline: { type: 'string' },
  shape: { type: 'string' },
  acquire: { type: 'string' },
  release: { type: 'string' },
  run: { type: 'string' },
  try: { type: 'string' },
  kind: { type: 'string' },
  capacity: { type: 'string' },
  args: { type: 'string' },
  keyed: { type: 'boolean' },
  'no-keyed': { type: 'boolean' },
  signal: { type: 'boolean' },
  'no-signal': { type: 'boolean' },
  timeout: { type: 'boolean' },
  'no-timeout': { type: 'boolean' }
}
const BENCH: Flags = { ...COMMON, json: { type: 'boolean' }, time: { type: 'string' } }

const COMMANDS: Readonly<Record<string, Flags>> = { check: CHECK, bench: BENCH }

/** Reads the arguments behind `latchkey`. */
export function readArguments(args: readonly string[]): Command {
  const [first, ...rest] = args
  if (first === undefined) return { command: 'help', about: 'latchkey' }
  if (first === 'help') {
    const about = rest[0]
    return { command: 'help', about: about === 'check' || about === 'bench' ? about : 'latchkey' }
  }
  if (['--help', '-h'].includes(first)) return { command: 'help', about: 'latchkey' }
  if (['--version', '-v'].includes(first)) return { command: 'version' }
  const flags = COMMANDS[first]
  if (flags === undefined || (first !== 'check' && first !== 'bench')) throw new UsageError(unknownCommand(first))

  const { values, positionals } = readFlags(first, flags, rest)
  if (values.has('help')) return { command: 'help', about: first }
  if (values.has('version')) return { command: 'version' }
  return first === 'check' ? checkCommand(values, positionals) : benchCommand(values, positionals)
}

function unknownCommand(word: string): string {
  if (/[./#]/.test(word)) return `${word} is no command. To check that file: latchkey check ${word}`
  return `${word} is no command; there are check and bench.${maybe(word, Object.keys(COMMANDS), '')}`
}

type Values = ReadonlyMap<string, string | true>

function readFlags(command: string, options: Flags, args: readonly string[]) {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const values = new Map<string, string | true>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = options[token.name]
    if (flag === undefined)
      throw new UsageError(
        `latchkey ${command} has no ${token.rawName}.${maybe(token.name, Object.keys(options), '--')} ` +
          `All of them: latchkey ${command} --help`
      )
    if (flag.type === 'boolean') {
      if (token.value !== undefined)
        throw new UsageError(`--${token.name} takes no value, and was given ${token.value}`)
      values.set(token.name, true)
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--')))
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${VALUES[token.name] ?? 'VALUE'}`)
    else values.set(token.name, token.value)
  }
  return { values: values as Values, positionals }
}

const VALUES: Readonly<Record<string, string>> = {
  svg: 'FILE',
  depth: 'N',
  clients: 'N',
  seed: 'N',
  waiters: 'N',
  deadline: 'MS',
  time: 'MS',
  capacity: 'N',
  args: "'[JSON]'",
  shape: SHAPES.join('|'),
  kind: KINDS.join('|'),
  acquire: 'NAME',
  release: 'NAME',
  run: 'NAME',
  try: 'NAME'
}

function checkCommand(values: Values, positionals: readonly string[]): Command {
  const [target, ...more] = positionals
  if (target === undefined) throw new UsageError('say which file: latchkey check <file>[#export]')
  if (more.length > 0)
    throw new UsageError(`one file at a time: ${target} was understood, and ${more.join(' ')} was not`)
  const at = target.lastIndexOf('#')
  const [file, exported] = at > 0 ? [target.slice(0, at), target.slice(at + 1)] : [target, undefined]
  return {
    command: 'check',
    file,
    exported: exported || undefined,
    hints: hintsOf(values),
    depth: whole(values, 'depth', 1),
    clients: whole(values, 'clients', 1),
    seed: whole(values, 'seed', 0),
    waiters: whole(values, 'waiters', 0),
    deadline: whole(values, 'deadline', 1) ?? DEADLINE,
    json: values.has('json'),
    svg: text(values, 'svg')
  }
}

function benchCommand(values: Values, positionals: readonly string[]): Command {
  if (positionals.length > 0) throw new UsageError(`bench takes no file, and was given ${positionals.join(' ')}`)
  return { command: 'bench', json: values.has('json'), time: whole(values, 'time', 1) ?? 600 }
}

function hintsOf(values: Values): Hints {
  const hints: { -readonly [K in keyof Hints]: Hints[K] } = {}
  for (const name of ['acquire', 'release', 'run'] as const) {
    const value = text(values, name)
    if (value !== undefined) hints[name] = value
  }
  const tryAcquire = text(values, 'try')
  if (tryAcquire !== undefined) hints.tryAcquire = tryAcquire
  for (const name of ['keyed', 'signal', 'timeout'] as const) {
    const [yes, no] = [values.has(name), values.has(`no-${name}`)]
    if (yes && no) throw new UsageError(`--${name} and --no-${name} contradict each other`)
    if (yes || no) hints[name] = yes
  }
  const shape = oneOf(values, 'shape', SHAPES)
  if (shape !== undefined) hints.shape = shape
  const kind = oneOf(values, 'kind', KINDS)
  if (kind !== undefined) hints.kind = kind
  const capacity = whole(values, 'capacity', 1)
  if (capacity !== undefined) hints.capacity = capacity
  const args = text(values, 'args')
  if (args !== undefined) hints.args = argumentsOf(args)
  return hints
}

function argumentsOf(json: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new UsageError(`--args is JSON, such as '[1, {"name": "x"}]': ${(error as Error).message}`)
  }
  return Array.isArray(value) ? value : [value]
}

function text(values: Values, name: string): string | undefined {
  const value = values.get(name)
  return typeof value === 'string' ? value : undefined
}

function whole(values: Values, name: string, least: number): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (value.trim() === '' || !Number.isSafeInteger(number) || number < least)
    throw new UsageError(`--${name} is a whole number >= ${least}, and was given ${value}`)
  return number
}

function oneOf<T extends string>(values: Values, name: string, known: readonly T[]): T | undefined {
  const value = text(values, name)
  if (value === undefined || known.includes(value as T)) return value as T | undefined
  throw new UsageError(`--${name} is one of ${known.join(', ')}, and was given ${value}.${maybe(value, known, '')}`)
}

/** ` Did you mean …?`, when something is near enough. */
function maybe(word: string, known: readonly string[], before: string): string {
  const [nearest] = known
    .map(name => ({ name, distance: name.startsWith(word) ? 0 : distance(word.toLowerCase(), name) }))
    .sort((a, b) => a.distance - b.distance)
  if (nearest === undefined || nearest.distance > Math.max(2, Math.floor(word.length / 3))) return ''
  return ` Did you mean ${before}${nearest.name}?`
}

/** How many letters must be put in, left out, changed or swapped with their neighbour. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)])
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1)
      rows[i]![j] = least
    }
  return rows[a.length]![b.length]!
}

export const HELP: Readonly<Record<'latchkey' | 'check' | 'bench', string>> = {
  latchkey: `latchkey: finds the bugs of a lock, and measures what a lock costs.

  latchkey check <file>[#export]   puts a mutex, semaphore or read-write lock through its schedules
  latchkey bench                   measures locks on this machine

  latchkey help check              what it looks for, all flags, examples
  latchkey --version
`,
  check: `latchkey check <file>[#export]: finds the bugs of a lock.

It loads the file, finds out how the lock in it is used, and runs a fresh one under every schedule of a few clients that
acquire, try, release, release twice, abort, time out and throw. For each guarantee it says whether it holds; for each
that is broken, what that means in practice, and the shortest schedule that breaks it, drawn as a timeline.

  latchkey check src/mutex.js                    the default export, the only one, or the only one that may be a lock
  latchkey check src/locks.js#KeyedLock          one of several
  latchkey check src/mutex.ts --svg bug.svg      TypeScript (see the end); the timelines as a picture
  latchkey check src/sem.js --args '[3]'         constructed with 3
  latchkey check src/odd.js --acquire ask --release thanks
  latchkey check async-mutex#Mutex               a package of your project

Exit code: 0 everything offered holds, 1 something is broken, 2 it could not be run.

Output
  --json             the report as JSON, on standard output
  --svg FILE         the timelines as one picture, light or dark as its reader is
                     Colour is for terminals only: NO_COLOR takes it away, FORCE_COLOR brings it back.

How much
  --depth N          operations in one schedule
  --clients N        clients that share the lock
  --seed N           of the random schedules in the larger world
  --waiters N        how many wait in the longest queue: 100000, 0 leaves it out
  --deadline MS      the lock is put to an end after so long, whatever it does (default ${DEADLINE})

What it is, where that cannot be told (the lock is tried out, and usually it can)
  --acquire NAME     the member that waits for the lock
  --release NAME     the member that frees it, unless each grant has a release of its own
  --run NAME         the member that runs a task under the lock
  --try NAME         the member that takes it without waiting
  --shape SHAPE      ${SHAPES.join(', ')}: which way to look at, where there are several
  --kind KIND        ${KINDS.join(', ')}
  --capacity N       how many may hold at once
  --keyed            the first argument is a key; --no-keyed: it is not
  --signal           waiting takes an AbortSignal; --no-signal: leave that alone
  --timeout          waiting takes a timeout; --no-timeout: leave that alone
  --args JSON        what the class or factory is called with: one value, or a list

TypeScript runs on Node 22.18 or later, and on older ones where your project has tsx, typescript or esbuild.
`,
  bench: `latchkey bench: what a lock costs on this machine.

It times bare promises without any lock, latchkey, and each of these that your project has: async-mutex, async-lock,
async-sema, await-lock, es-toolkit, mutexify, p-limit. They take turns in the same seconds, so what counts is the ratio
to the bare promises beside it, not the nanoseconds.

  latchkey bench
  latchkey bench --json > bench.json

  --json             the figures as JSON, on standard output
  --time MS          for each row (default 600); more time, steadier figures
`
}
