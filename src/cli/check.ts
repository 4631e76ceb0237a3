/// <reference types="node" />
// `latchkey check`: has a lock examined, and says what came out.

import { existsSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CannotRun, examine } from './examine.js'
import { entryOf } from './packages.js'
import { picture } from './picture.js'
import { isBroken, panelsOf, reportLines } from './report.js'
import { paintFor } from './terminal.js'
import type { CheckCommand } from './usage.js'

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
