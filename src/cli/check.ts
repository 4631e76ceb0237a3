/// <reference types="node" />
// `latchkey check`: has locks examined, one after the other, and reports what came out.

import { writeFileSync } from 'node:fs'
import { emitTest } from './emit.js'
import { CannotRun, examine } from './examine.js'
import { codeOf, judge, NOT_RUN, type Result } from './judgement.js'
import { picture } from './picture.js'
import { panelsOf } from './report.js'
import { reporterFor } from './reporters.js'
import { type Target, targetsOf } from './targets.js'
import { paintFor } from './terminal.js'
import type { CheckCommand } from './usage.js'

/** Reports what came out, and gives the exit code. */
export async function check(command: CheckCommand): Promise<0 | 1 | 2> {
  const { stdout, stderr, env } = process
  const drawing = { paint: paintFor(stdout, env), width: stdout.columns || 100 }
  const reporter = reporterFor(command, env, {
    drawing,
    write: text => stdout.write(text),
    warn: text => stderr.write(text)
  })
  const results: Result[] = []
  const note = (result: Result) => {
    results.push(result)
    reporter.each?.(result)
  }
  let targets: readonly Target[] = []
  try {
    targets = targetsOf(command)
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    note({ name: command.targets.join(' '), file: undefined, error: error.message, judgement: NOT_RUN })
  }
  for (const target of targets) note(await resultOf(target))
  reporter.end?.(results)
  writeFiles(command, results)
  return codeOf(results)
}

async function resultOf({ name, file, exported, command }: Target): Promise<Result> {
  const progress = progressOn(process.stderr)
  try {
    const examined = await examine(file, exported, command, progress.show).finally(progress.clear)
    return { name, file, examined, judgement: judge(examined.report, command, examined.stopped === undefined) }
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    return { name, file, error: error.message, judgement: NOT_RUN }
  }
}

function writeFiles({ svg, emitTest: test, runner }: CheckCommand, results: readonly Result[]): void {
  const { stderr } = process
  if (svg !== undefined) {
    const panels = results.flatMap(({ examined }) => (examined ? panelsOf(examined.report) : []))
    if (panels.length > 0) writeFileSync(svg, picture(panels))
    stderr.write(panels.length > 0 ? `timelines: ${svg}\n` : `no timeline to draw: ${svg} was not written\n`)
  }
  if (test !== undefined) {
    const written = emitTest(results, test, runner)
    if (written !== undefined) writeFileSync(test, written)
    stderr.write(written === undefined ? `no schedule to write: ${test} was not written\n` : `test: ${test}\n`)
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
