/// <reference types="node" />
// What can be written on the command line, and what is answered when it was something else.

import { parseArgs } from 'node:util'
import type { Hints } from '../testing/hints.js'

/** The command line was wrong. The text says how, and what was probably meant. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export type Reporter = 'pretty' | 'json' | 'junit' | 'github' | 'sarif'

export interface CheckCommand {
  /** Files, patterns and packages, each with the name of an export behind a `#` or without. */
  readonly targets: readonly string[]
  readonly hints: Hints
  readonly depth: number | undefined
  readonly clients: number | undefined
  readonly seed: number | undefined
  readonly waiters: number | undefined
  readonly deadline: number
  /** What is not held against the lock. */
  readonly except: readonly string[]
  /** Whether policies fail as well. */
  readonly strict: boolean
  readonly reporter: Reporter | undefined
  readonly quiet: boolean
  /** Whether what the lock prints is shown. */
  readonly verbose: boolean
  readonly svg: string | undefined
  readonly emitTest: string | undefined
  readonly runner: Runner
}

/** For which test runner a test is written. */
export type Runner = (typeof RUNNERS)[number]

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

export const DEADLINE = 120_000

export const SHAPES = ['acquire', 'pair', 'run', 'callback'] as const
const REPORTERS = ['pretty', 'json', 'junit', 'github', 'sarif'] as const
const RUNNERS = ['node', 'vitest'] as const
export const KINDS = ['mutex', 'semaphore', 'read-write-lock'] as const

type Flags = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>

const COMMON: Flags = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } }
const CHECK: Flags = {
  ...COMMON,
  json: { type: 'boolean' },
  reporter: { type: 'string' },
  quiet: { type: 'boolean', short: 'q' },
  verbose: { type: 'boolean' },
  strict: { type: 'boolean' },
  except: { type: 'string' },
  'emit-test': { type: 'string' },
  runner: { type: 'string' },
  read: { type: 'string' },
  write: { type: 'string' },
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
  'emit-test': 'FILE',
  runner: RUNNERS.join('|'),
  reporter: REPORTERS.join('|'),
  except: 'G4,…',
  read: 'NAME',
  write: 'NAME',
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

function checkCommand(values: Values, targets: readonly string[]): Command {
  const reporter = oneOf(values, 'reporter', REPORTERS)
  if (values.has('json') && reporter !== undefined && reporter !== 'json')
    throw new UsageError(`--json and --reporter ${reporter} contradict each other`)
  return {
    command: 'check',
    targets,
    hints: hintsOf(values),
    depth: whole(values, 'depth', 1),
    clients: whole(values, 'clients', 1),
    seed: whole(values, 'seed', 0),
    waiters: whole(values, 'waiters', 0),
    deadline: whole(values, 'deadline', 1) ?? DEADLINE,
    except: guarantees(text(values, 'except')),
    strict: values.has('strict'),
    reporter: values.has('json') ? 'json' : reporter,
    quiet: values.has('quiet'),
    verbose: values.has('verbose'),
    svg: text(values, 'svg'),
    emitTest: text(values, 'emit-test'),
    runner: oneOf(values, 'runner', RUNNERS) ?? 'node'
  }
}

/** `G4,G2` as a list. */
function guarantees(list: string | undefined): string[] {
  const names = (list ?? '').split(/[\s,]+/).filter(name => name !== '')
  for (const name of names)
    if (!/^G([1-9]|1[0-2])$/.test(name)) throw new UsageError(`--except is a list such as G4,G2, and was given ${list}`)
  return names
}

function benchCommand(values: Values, positionals: readonly string[]): Command {
  if (positionals.length > 0) throw new UsageError(`bench takes no file, and was given ${positionals.join(' ')}`)
  return { command: 'bench', json: values.has('json'), time: whole(values, 'time', 1) ?? 600 }
}

function hintsOf(values: Values): Hints {
  const hints: { -readonly [K in keyof Hints]: Hints[K] } = {}
  for (const name of ['acquire', 'release', 'run', 'read', 'write'] as const) {
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
