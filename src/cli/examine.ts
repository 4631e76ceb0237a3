/// <reference types="node" />
// Has a lock examined in another process, and waits no longer than it was told to.

import { fork } from 'node:child_process'
import type { Report } from '../testing/index.js'
import type { ChildMessage, Examine, Made } from './child.js'
import type { Place } from './source.js'
import { type Loader, loaderFor, NoTypeScript } from './typescript.js'
import type { CheckCommand } from './usage.js'

/** It could not be run. The text says why. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun'
}

/** What came out of an examination. */
export interface Examined {
  readonly how: string
  readonly shape: string
  readonly report: Report
  /** How the lock is made and called, where that can be written down. */
  readonly made?: Made
  /** Why the report is not whole, if it is not. */
  readonly stopped?: string
}

/**
 * Finding out how a lock is used takes a second or two. One that gives no sign of life for so long meanwhile is stuck; a busy
 * machine may need longer for all of it.
 */
const RECOGNISING = 20_000

/** A lock that fills its memory is not to take that of the machine with it. */
const HEAP_MB = 768

type Recognised = Extract<ChildMessage, { how: string }>

/** @throws CannotRun when it does not come to anything. */
export function examine(
  file: string,
  exported: string | undefined,
  command: CheckCommand,
  onProgress: (doing: string) => void
): Promise<Examined> {
  return new Promise((resolve, reject) => {
    const loader = orCannotRun(() => loaderFor(file))
    // What the user's module prints goes where it does not mix with the report, or nowhere: it may be megabytes.
    const output = command.verbose ? 2 : 'ignore'
    const child = fork(new URL('./child.js', import.meta.url), [], {
      execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_MB}`, ...loader.execArgv],
      stdio: ['ignore', output, output, 'ipc'],
      serialization: 'advanced'
    })
    let doing = 'starting'
    let recognised: Recognised | undefined
    let partial: Report | undefined

    let isOver = false
    const end = (settle: () => void) => {
      isOver = true
      clearTimeout(deadline)
      clearTimeout(early)
      child.kill('SIGKILL')
      settle()
    }
    /** What was found before counts all the same. */
    const stop = (why: string) =>
      end(() => {
        if (partial) resolve(examinedOf(partial, recognised, why))
        else reject(new CannotRun(why))
      })
    const stopAfter = (ms: number) => () =>
      stop(
        `stopped after ${ms} ms, at: ${doing}.\n` +
          (recognised ? `It was recognised as ${recognised.shape}.\n` : '') +
          'A lock that loops without end, or waits for something outside of it, cannot be examined. ' +
          'If it only needs more time: --deadline MS'
      )
    const deadline = setTimeout(stopAfter(command.deadline), command.deadline)
    let early = setTimeout(stopAfter(RECOGNISING), RECOGNISING)

    child.on('message', (message: ChildMessage) => {
      if (isOver) return
      if (recognised === undefined) {
        clearTimeout(early)
        early = setTimeout(stopAfter(RECOGNISING), RECOGNISING)
      }
      if ('beat' in message) return
      if ('doing' in message) {
        doing = message.doing
        onProgress(doing)
      } else if ('how' in message) {
        recognised = message
        clearTimeout(early)
      } else if ('failed' in message) stop(message.failed)
      else if ('partial' in message) partial = message.partial
      else end(() => resolve(examinedOf(message.report, recognised)))
    })
    child.on('error', error => stop(error.message))
    child.on('exit', (code, signal) =>
      stop(`the process ended by itself (${signal ?? `exit code ${code}`}), at: ${doing}`)
    )
    child.send({ file, exported, command, loader: sendable(loader) } satisfies Examine)
  })
}

const sendable = ({ execArgv, compiler, registers, by }: Loader): Loader => ({
  execArgv,
  registers,
  by,
  ...(compiler ? { compiler } : {})
})

function examinedOf(report: Report, recognised: Recognised | undefined, stopped?: string): Examined {
  const { how = 'the lock', shape = report.shape, places = {}, made } = recognised ?? {}
  return {
    how,
    shape,
    report: withPlaces(report, places),
    ...(made ? { made } : {}),
    ...(stopped === undefined ? {} : { stopped })
  }
}

/** Says of each cause where the member is written. */
function withPlaces(report: Report, places: Readonly<Record<string, Place>>): Report {
  const verdicts = report.verdicts.map(verdict => {
    const { cause } = verdict
    const place = cause?.member
      ?.split(', ')
      .map(name => places[name])
      .find(found => found !== undefined)
    return cause && place ? { ...verdict, cause: { ...cause, ...place } } : verdict
  })
  return { ...report, verdicts }
}

function orCannotRun<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw error instanceof NoTypeScript ? new CannotRun(error.message) : error
  }
}
