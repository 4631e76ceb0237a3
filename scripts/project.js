// What every script here needs to know of the project: where it is, what its manifest says, how to run a command in it.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** @param {string} path relative to the root of the repository */
export const fromRoot = path => fileURLToPath(new URL(`../${path}`, import.meta.url))

export const manifest = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))

/**
 * Runs an installed tool, its output passed through, and ends this process when it fails.
 *
 * @param {string} tool as named in node_modules/.bin
 * @param {string[]} args
 */
export function run(tool, ...args) {
  const { status, error } = spawnSync(fromRoot(`node_modules/.bin/${tool}`), args, {
    cwd: fromRoot('.'),
    stdio: 'inherit',
    shell: process.platform === 'win32'
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}
