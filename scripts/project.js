// What every script here needs to know of the project: where it is, what its manifest says, how to run a command.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** @param {string} path relative to the root of the repository */
export const fromRoot = path => fileURLToPath(new URL(`../${path}`, import.meta.url))

export const manifest = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))

/**
 * The folders with a manifest for each entry point below the root, which the build writes for resolvers that do not read
 * "exports": those of Jest 27, Parcel, webpack 4 and browserify.
 */
export const stubs = Object.entries(manifest.exports)
  .filter(([entry, target]) => entry !== '.' && typeof target !== 'string')
  .map(([entry, target]) => ({ folder: entry.slice(2), target }))

/** The entry points that hold code: the name a user imports, and the source behind it. */
export const entryPoints = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== 'string')
  .map(([entry, target]) => ({
    name: entry.replace(/^\./, manifest.name),
    source: fromRoot(target.import.default.replace('./dist/esm/', 'src/').replace(/\.js$/, '.ts'))
  }))

/**
 * Runs a command, its output passed through, and ends this process when it fails.
 *
 * @param {string} command a program, or a tool as named in node_modules/.bin
 * @param {string[]} args
 * @param {{ cwd?: string, quiet?: boolean }} [options] quiet: show the output only when the command fails
 */
export function run(command, args, { cwd = fromRoot('.'), quiet = false } = {}) {
  const windows = process.platform === 'win32'
  const PATH = [fromRoot('node_modules/.bin'), process.env.PATH].join(windows ? ';' : ':')
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, PATH },
    stdio: quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
    shell: windows
  })
  if (error) throw error
  if (status === 0) return
  if (quiet) process.stderr.write(stdout + stderr)
  console.error(`failed: ${command} ${args.join(' ')}`)
  process.exit(status ?? 1)
}
