#!/usr/bin/env node
/// <reference types="node" />
// The command `latchkey`.

import { readFileSync } from 'node:fs'
import { bench } from './bench.js'
import { check } from './check.js'
import { CannotRun } from './examine.js'
import { HELP } from './help.js'
import { paintFor } from './terminal.js'
import { type Command, readArguments, UsageError } from './usage.js'

async function run(command: Command): Promise<0 | 1 | 2> {
  switch (command.command) {
    case 'help':
      process.stdout.write(HELP[command.about])
      return 0
    case 'version':
      process.stdout.write(`${version()}\n`)
      return 0
    case 'check':
      return check(command)
    case 'bench':
      await bench(command)
      return 0
  }
}

const version = (): string =>
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version as string

try {
  process.exitCode = await run(readArguments(process.argv.slice(2)))
} catch (error) {
  const { red } = paintFor(process.stderr, process.env)
  const expected = error instanceof UsageError || error instanceof CannotRun
  process.stderr.write(
    `${red('latchkey:')} ${expected ? error.message : error instanceof Error ? error.stack : error}\n`
  )
  process.exitCode = 2
}
