// npm run chaos:local: LocalLock under chaos, for longer than the tests have time: on a disk and in memory, on every runtime
// that is given, with both engines, and the model of its protocol in its larger settings.
//
//   npm run chaos:local -- --runtimes node,/path/to/node24,/path/to/bun --all --rounds 3
//
// `--all` installs Node 20 to 26 and Bun in a temporary folder, and mixes them.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { entryPoints, fromRoot, run } from './project.js'

const { values: flags } = parseArgs({
  options: {
    runtimes: { type: 'string' },
    all: { type: 'boolean' },
    rounds: { type: 'string', default: '1' },
    'no-model': { type: 'boolean' }
  }
})

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-chaos-'))
const sources = {
  name: 'sources',
  setup(/** @type {import('esbuild').PluginBuild} */ { onResolve }) {
    for (const { name, source } of entryPoints) onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: source }))
  }
}

/** @param {string} file */
async function bundled(file) {
  const outfile = join(scratch, `${file}.mjs`)
  await build({
    entryPoints: [fromRoot(`test/engines/local/${file}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    plugins: [sources]
  })
  return outfile
}

/** @returns {string[]} */
function runtimes() {
  const given = flags.runtimes?.split(',') ?? [process.execPath]
  if (!flags.all) return given
  const versions = [20, 22, 24, 26]
  const packages = [...versions.map(version => `node${version}@npm:node@${version}`), 'bun']
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', scratch, ...packages], { stdio: 'ignore' })
  const modules = join(scratch, 'node_modules')
  return [...versions.map(version => join(modules, `node${version}`, 'bin', 'node')), join(modules, '.bin', 'bun')]
}

/** @param {string} runtime */
const hasSqlite = runtime => {
  try {
    const code = "if (!process.getBuiltinModule?.('node:sqlite')?.DatabaseSync) process.exit(1)"
    execFileSync(runtime, ['-e', code], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let failed = 0
try {
  if (!flags['no-model']) {
    process.env.CHAOS = '1'
    run('vitest', ['run', 'test/engines/local/model.test.ts'])
  }
  const { chaos } = await import(pathToFileURL(await bundled('chaos')).href)
  const program = await bundled('worker')
  const all = runtimes()
  const places = [tmpdir(), '/dev/shm'].filter(existsSync)
  const kinds = ['run', 'run', 'timeout', 'abort', 'try', 'sync', 'trySync']
  const mixes = all.length > 1 ? [...all.map(runtime => [runtime]), all] : [all]
  const withSqlite = all.filter(hasSqlite)
  /** @type {[string, object][]} */
  const settings = [
    ...mixes.map(mix => /** @type {[string, object]} */ (['sockets', { runtimes: mix, kinds }])),
    ...mixes.map(
      mix => /** @type {[string, object]} */ (['lockFile', { runtimes: mix, kinds: ['file'], isFile: true }])
    ),
    ...(withSqlite.length > 0
      ? [
          /** @type {[string, object]} */ ([
            'sqlite',
            { runtimes: withSqlite, kinds, lock: { engine: 'sqlite' }, times: 60 }
          ])
        ]
      : [])
  ]
  for (let round = 1; round <= Number(flags.rounds); round++)
    for (const folder of places)
      for (const [name, setting] of settings) {
        const seed = round * 1000 + failed + settings.length
        const options = { program, folder, processes: 8, times: 200, kills: 60, stops: 60, seed, ...setting }
        const { violations, ...result } = await chaos(options)
        if (violations.length > 0) failed++
        console.log(violations.length > 0 ? 'FAIL' : 'ok  ', name, folder, JSON.stringify({ ...result, ...setting }))
        for (const violation of violations.slice(0, 5)) console.log(`     ${violation}`)
      }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(failed === 0 ? 'no two holders, no token that shrinks, no process that does not end' : `${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
