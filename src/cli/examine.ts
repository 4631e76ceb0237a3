/// <reference types="node" />
// Has a lock examined in another process, and waits no longer than it was told to.

import { fork } from 'node:child_process'
import type { Report } from '../testing/index.js'
import type { ChildMessage, Task } from './child.js'
import { loaderFor, NoTypeScript } from './typescript.js'
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
}

/** Finding out how a lock is used takes a second. One that takes that long is stuck. */
const RECOGNISING = 20_000

/** @throws CannotRun when it does not come to a report. */
export function examine(file: string, command: CheckCommand, onProgress: (doing: string) => void): Promise<Examined> {
  return new Promise((resolve, reject) => {
    const { execArgv, compiler } = orCannotRun(() => loaderFor(file))
    // What the user's module prints goes where it does not mix with the report.
    const child = fork(new URL('./child.js', import.meta.url), [], {
      execArgv: [...process.execArgv, ...execArgv],
      stdio: ['ignore', 2, 2, 'ipc'],
      serialization: 'advanced'
    })
    let doing = 'starting'
    let recognised: { how: string; shape: string } | undefined

    const end = (settle: () => void) => {
      clearTimeout(deadline)
      clearTimeout(early)
      child.kill('SIGKILL')
      settle()
    }
    const stopAfter = (ms: number) => () =>
      end(() =>
        reject(
          new CannotRun(
            `stopped after ${ms} ms, at: ${doing}.\n` +
              (recognised ? `It was recognised as ${recognised.shape}.\n` : '') +
              'A lock that loops without end, or waits for something outside of it, cannot be examined. ' +
              'If it only needs more time: --deadline MS'
          )
        )
      )
    const deadline = setTimeout(stopAfter(command.deadline), command.deadline)
    const early = setTimeout(stopAfter(RECOGNISING), RECOGNISING)

    child.on('message', (message: ChildMessage) => {
      if ('doing' in message) {
        doing = message.doing
        onProgress(doing)
      } else if ('how' in message) {
        recognised = message
        clearTimeout(early)
      } else if ('failed' in message) end(() => reject(new CannotRun(message.failed)))
      else end(() => resolve({ ...recognised!, report: message.report }))
    })
    child.on('error', error => end(() => reject(new CannotRun(error.message))))
    child.on('exit', (code, signal) =>
      end(() => reject(new CannotRun(`the process ended by itself (${signal ?? `exit code ${code}`}), at: ${doing}`)))
    )
    child.send({ file, command, compiler } satisfies Task)
  })
}

function orCannotRun<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw error instanceof NoTypeScript ? new CannotRun(error.message) : error
  }
}
