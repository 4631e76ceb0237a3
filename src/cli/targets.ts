/// <reference types="node" />
// Which locks are to be checked, and how: from the command line, and from `"latchkey"` in the package.json of the project.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { CannotRun } from './examine.js'
import { entryOf } from './packages.js'
import { type CheckCommand, readArguments, UsageError } from './usage.js'

/** One lock to be checked. */
export interface Target {
  /** As it was written, or as a file below the folder of the command. */
  readonly name: string
  readonly file: string
  readonly exported: string | undefined
  readonly command: CheckCommand
}

/** An entry of `"latchkey": { "check": [ … ] }`: a file, or a file with flags of its own. */
type Entry = string | ({ readonly file: string } & Settings)
type Settings = Readonly<Record<string, unknown>>

interface Config extends Settings {
  readonly check?: readonly Entry[]
}

/** @throws CannotRun or UsageError where a target is nowhere, or a setting is none. */
export function targetsOf(command: CheckCommand): Target[] {
  const { check = [], ...common } = configOf()
  const entries = check.map(entry => (typeof entry === 'string' ? { file: entry } : entry))
  const names = command.targets.length > 0 ? command.targets : entries.map(({ file }) => file)
  if (names.length === 0)
    throw new UsageError(
      'say which file: latchkey check <file>[#export], or list them in package.json: "latchkey": { "check": [] }'
    )
  return names.flatMap(name =>
    filesOf(name).map(({ file, exported }) => {
      const isMeant = ({ file: other }: { file: string }) =>
        other === name || filesOf(other).some(found => found.file === file && found.exported === exported)
      const own = entries.find(entry => entry.file === name) ?? entries.find(isMeant)
      const { file: _, ...settings } = own ?? { file: '' }
      const shown = file.startsWith(process.cwd() + sep) ? relative(process.cwd(), file) : file
      return {
        name: isPattern(name) ? `${shown}${exported === undefined ? '' : `#${exported}`}` : name,
        file,
        exported,
        command: withSettings(command, { ...common, ...settings })
      }
    })
  )
}

/** What is set in package.json, where the command line says nothing else. */
function withSettings(command: CheckCommand, settings: Settings): CheckCommand {
  const flags = Object.entries(settings).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
    if (value === true) return [flag]
    if (value === false) return name === 'strict' || name === 'quiet' ? [] : [flag.replace('--', '--no-')]
    if (name === 'args') return [flag, JSON.stringify(value)]
    return [flag, Array.isArray(value) ? value.join(',') : String(value)]
  })
  if (flags.length === 0) return command
  const set = readArguments(['check', ...flags])
  if (set.command !== 'check') return command
  const chosen = Object.fromEntries(
    Object.entries(command).filter(([, value]) => value !== undefined && value !== false)
  )
  const isDefault = readArguments(['check'])
  const given = Object.fromEntries(
    Object.entries(chosen).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(isDefault[key as never]))
  )
  return {
    ...set,
    ...given,
    hints: { ...set.hints, ...command.hints },
    except: [...new Set([...set.except, ...command.except])]
  } as CheckCommand
}

function configOf(): Config {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file))
      try {
        const { latchkey = {} } = JSON.parse(readFileSync(file, 'utf8')) as { latchkey?: Config }
        return latchkey
      } catch (error) {
        throw new CannotRun(`${file} cannot be read: ${(error as Error).message}`)
      }
    if (dirname(folder) === folder) return {}
  }
}

const isPattern = (name: string): boolean => /[*?{]/.test(name) && !existsSync(resolve(name))

/** The files that a name stands for, each with the export that is meant. */
function filesOf(name: string): { file: string; exported: string | undefined }[] {
  const at = name.lastIndexOf('#')
  // There are files with a `#` in their names.
  const isWhole = at <= 0 || existsSync(resolve(name))
  const [path, exported] = isWhole ? [name, undefined] : [name.slice(0, at), name.slice(at + 1) || undefined]
  if (isPattern(path)) {
    const files = matching(path)
    if (files.length === 0) throw new CannotRun(`no file is like ${path}`)
    return files.map(file => ({ file, exported }))
  }
  return [{ file: fileOf(path), exported }]
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

/** The files below the folder of the command that are like a pattern with `*`, `**`, `?` and `{a,b}`. */
function matching(pattern: string): string[] {
  const source = pattern
    .replace(/^\.\//, '')
    .replace(/[.+^$()|[\]\\]/g, '\\$&')
    .replace(/\{([^}]*)\}/g, (_, list: string) => `(?:${list.split(',').join('|')})`)
    .replace(/\*\*\/|\*\*|\*|\?/g, found => ({ '**/': '(?:[^/]+/)*', '**': '.*', '*': '[^/]*' })[found] ?? '[^/]')
  const isMeant = new RegExp(`^${source}$`)
  const found: string[] = []
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) walk(path)
      } else if (/\.[cm]?[jt]sx?$/.test(entry.name) && !/\.d\.[cm]?ts$/.test(entry.name)) {
        if (isMeant.test(relative(process.cwd(), path).split(sep).join('/'))) found.push(path)
      }
    }
  }
  walk(process.cwd())
  return found.sort()
}
