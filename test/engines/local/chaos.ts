// Chaos with real processes: they take one key in every way there is, while they are killed, stopped and continued, and
// while they time out and abort. Each holder looks whether it is alone.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Root is denied nothing, which hides faults that all others have. So what root starts runs as another user. */
export const unprivileged = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined

export interface ChaosOptions {
  /** The bundled worker, and what runs it. */
  readonly program: string
  readonly runtimes: readonly string[]
  /** On the file system that is to be tried. */
  readonly folder: string
  readonly processes: number
  /** How many sections each process asks for. */
  readonly times: number
  /** Ways to take the key: see `sections` of the worker. */
  readonly kinds: readonly string[]
  readonly kills: number
  readonly stops: number
  readonly seed: number
  readonly lock?: object
  /** Whether the key is a file, for `lockFile`. */
  readonly isFile?: boolean
  /** When it is given up, in ms: a process that does not end is one of the things to be found. Default 240,000. */
  readonly patience?: number
}

export interface ChaosResult {
  /** What a holder has seen that must not be. */
  readonly violations: string[]
  /** Sections that were reported as done, those of killed processes excluded. */
  readonly done: number
  /** What the counter says; at least `done`. */
  readonly counted: number
  readonly kills: number
  readonly stops: number
  /** What is left in the folder of the locks, in the end. */
  readonly residue: string[]
}

export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { program, runtimes, folder, processes, times, kinds, kills, stops, isFile, patience = 240_000 } = options
  mkdirSync(folder, { recursive: true })
  const place = mkdtempSync(join(folder, 'latchkey-chaos-'))
  if (unprivileged !== undefined) chownSync(place, unprivileged.uid, unprivileged.gid)
  const directory = join(place, 'locks')
  const file = join(place, 'state')
  const key = isFile ? join(place, 'some.json') : 'chaos'
  const random = randomFrom(options.seed)
  const violations: string[] = []
  let done = 0
  let killed = 0
  let stopped = 0
  let over = false
  const running = new Set<ChildProcess>()

  const start = (i: number, seed: number): Promise<boolean> => {
    const runtime = runtimes[i % runtimes.length] as string
    const settings = JSON.stringify({ directory, ...options.lock })
    const child = spawn(runtime, [program, settings], { stdio: ['pipe', 'pipe', 'pipe'], ...unprivileged })
    running.add(child)
    let errors = ''
    let finished = false
    child.stdin.on('error', () => {})
    child.stderr.on('data', text => {
      errors += text
    })
    createInterface({ input: child.stdout }).on('line', line => {
      const told = JSON.parse(line) as { event: string; what: string; done: number }
      if (told.event === 'violation') violations.push(`${runtime}: ${told.what}`)
      if (told.event === 'ready')
        child.stdin.write(`${JSON.stringify({ do: 'sections', id: 'a', key, file, times, seed, kinds })}\n`)
      if (told.event === 'sections') {
        done += told.done
        finished = true
        child.stdin.write(`${JSON.stringify({ do: 'finish' })}\n`)
      }
    })
    return once(child, 'close').then(([code, signal]) => {
      running.delete(child)
      if (over) return true
      if (signal === null && (code !== 0 || !finished)) violations.push(`${runtime}: ended with ${code}: ${errors}`)
      return finished
    })
  }

  let seeds = options.seed * 1000
  /** One that was killed is followed by another, so that there are always as many. */
  const keepRunning = async (i: number): Promise<void> => {
    while (!(await start(i, ++seeds)) && violations.length === 0) {}
  }
  const all = Promise.all(Array.from({ length: processes }, (_, i) => keepRunning(i)))
  void all.then(() => {
    over = true
  })
  const patient = setTimeout(() => {
    violations.push(`after ${patience / 1000} s processes are still at it: ${[...running].map(({ pid }) => pid)}`)
    over = true
    for (const child of running) child.kill('SIGKILL')
  }, patience)
  const pickOne = () => [...running][Math.floor(random() * running.size)]
  const tick = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
  while (!over && (killed < kills || stopped < stops)) {
    await tick(2 + random() * 10)
    const child = pickOne()
    if (child === undefined) continue
    if (killed < kills && (random() < kills / (kills + stops) || stopped >= stops)) {
      if (child.kill('SIGKILL')) killed++
    } else if (stopped < stops && child.kill('SIGSTOP')) {
      stopped++
      setTimeout(() => child.kill('SIGCONT'), random() * 30)
    }
  }
  await all
  clearTimeout(patient)
  const counted = Number(readFileSync(`${file}.count`, 'utf8') || '0')
  const leftovers = readdirSync(place).filter(name => !name.startsWith('state') && name !== 'locks')
  // A killed process leaves its folder beside the file; one more section takes it away.
  const residue = isFile ? (killed > 0 ? [] : leftovers) : []
  rmSync(place, { recursive: true, force: true })
  return { violations, done, counted, kills: killed, stops: stopped, residue }
}

export function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
