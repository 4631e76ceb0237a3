/// <reference types="node" />
// `latchkey check`: has a lock examined in another process, waits no longer than it was told to, and says what came out.

import { fork } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Report } from '../testing/index.js'
import type { ChildMessage, Task } from './child.js'
import { entryOf } from './packages.js'
import { picture } from './picture.js'
import { isBroken, panelsOf, reportLines } from './report.js'
import { paintFor } from './terminal.js'
import { loaderFor, NoTypeScript } from './typescript.js'
import type { CheckCommand } from './usage.js'

/** It could not be run. The text says why. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun'
}

export interface Examined {
  readonly how: string
  readonly shape: string
  readonly report: Report
}

/** Finding out how a lock is used takes a second. One that takes that long is stuck. */
const RECOGNISING = 20_000

/** Says what came out, and gives the exit code. */
export async function check(command: CheckCommand): Promise<0 | 1> {
  const { stdout, stderr, env } = process
  const file = fileOf(command.file)
  const progress = progressOn(stderr)
  const examined = await examine(file, command, progress.show).finally(progress.clear)

  const { report } = examined
  if (command.json)
    stdout.write(`${JSON.stringify({ file: command.file, how: examined.how, ...report }, undefined, 2)}\n`)
  else {
    const drawing = { paint: paintFor(stdout, env), width: stdout.columns || 100 }
    stdout.write(`${reportLines(command.file, examined, drawing).join('\n')}\n`)
  }
  if (command.svg !== undefined) {
    const panels = panelsOf(report)
    if (panels.length > 0) writeFileSync(command.svg, picture(panels))
    stderr.write(
      panels.length > 0 ? `timelines: ${command.svg}\n` : `no timeline to draw: ${command.svg} was not written\n`
    )
  }
  return isBroken(report) ? 1 : 0
}

/** A file, or the one that a package of the project starts with. */
function fileOf(name: string): string {
  const file = resolve(name)
  if (existsSync(file)) {
    if (statSync(file).isDirectory()) throw new CannotRun(`${name} is a folder; name the file that exports the lock`)
    return file
  }
  const installed = /^(@[\w.-]+\/)?[\w-][\w./-]*$/.test(name) ? entryOf(name) : undefined
  if (installed === undefined)
    throw new CannotRun(`there is no file ${name}, and no package of that name in this project`)
  return installed
}

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
    const giveUp = (ms: number) => () =>
      end(() =>
        reject(
          new CannotRun(
            `given up after ${ms} ms, at: ${doing}.\n` +
              (recognised ? `It was recognised as ${recognised.shape}.\n` : '') +
              'A lock that loops without end, or waits for something outside of it, cannot be examined. ' +
              'If it only needs more time: --deadline MS'
          )
        )
      )
    const deadline = setTimeout(giveUp(command.deadline), command.deadline)
    const early = setTimeout(giveUp(RECOGNISING), RECOGNISING)

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

/** One line on a terminal, written over and over; nothing elsewhere. */
function progressOn(stream: NodeJS.WriteStream): { show(text: string): void; clear(): void } {
  if (!stream.isTTY) return { show: () => undefined, clear: () => undefined }
  const clear = () => {
    stream.write('\r\x1b[2K')
  }
  return {
    show: text => {
      clear()
      stream.write(text.slice(0, (stream.columns || 80) - 1))
    },
    clear
  }
}
