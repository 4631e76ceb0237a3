// npm run chaos:local: LocalLock under chaos, for longer than the tests have time: on a disk and in memory, on every runtime
// that is given, with both engines, and the model of its protocol in its larger settings.
//
//   npm run chaos:local -- --runtimes node,/path/to/node24,/path/to/bun --all --rounds 3
//   npm run chaos:local -- --only sockets,counter --minutes 5
//
// `--all` installs Node 20 to 26 and Bun in a temporary folder, and mixes them. `--only` takes some of: model, modes
// (six processes that share keys, count them, take several and lead, for `--seconds`), sockets, lockFile, sqlite (processes that are killed and stopped), counter (20,000 sections by 8 processes), crowd (200 processes
// at once) and cycles (100,000 in one process, and what has grown by then). After `--minutes` nothing new is begun, and
// what was left out is named; that is a failure.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
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
    only: { type: 'string', default: 'model,modes,sockets,lockFile,sqlite,counter,crowd,cycles' },
    places: { type: 'string', default: `${tmpdir()},/dev/shm` },
    seconds: { type: 'string', default: '120' },
    minutes: { type: 'string', default: '60' }
  }
})
const only = flags.only.split(',')
const end = performance.now() + Number(flags.minutes) * 60_000

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-chaos-'))
chmodSync(scratch, 0o755) // for the user that the processes run as
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

/**
 * 100,000 cycles in one process, and what has grown by then.
 *
 * @param {string} runtime @param {string} folder @param {object} options
 */
function cycles(runtime, folder, options) {
  const place = mkdtempSync(join(folder, 'latchkey-cycles-'))
  try {
    const settings = { directory: join(place, 'locks'), file: join(place, 'some.json'), times: 100_000, ...options }
    const args = ['--expose-gc', programs.cycles, JSON.stringify(settings)]
    const lines = execFileSync(runtime, args, { encoding: 'utf8', timeout: 540_000 }).trim().split('\n')
    const grown = lines.map(line => /** @type {import('../test/engines/local/cycles.js').Growth} */ (JSON.parse(line)))
    // Of the heap, what is smaller is code that was compiled meanwhile.
    const isGrown = grown.filter(({ descriptors, heap, names }) => descriptors > 1 || names > 1 || heap > 1_500_000)
    return { violations: isGrown.map(growth => `it grows: ${JSON.stringify(growth)}`), grown }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** @type {{ chaos: string, worker: string, cycles: string }} */
let programs
let failed = 0
try {
  if (only.includes('model')) {
    process.env.CHAOS = '1'
    run('vitest', ['run', 'test/engines/local/model.test.ts'])
  }
  if (only.includes('modes')) {
    process.env.CHAOS_SECONDS = flags.seconds
    process.env.CHAOS_SEED ??= String(Date.now() % 1e6)
    console.log(`modes: seed ${process.env.CHAOS_SEED}, ${flags.seconds} s`)
    run('vitest', ['run', 'test/engines/family-processes.test.ts', '-t', 'LocalLock'])
  }
  programs = { chaos: await bundled('chaos'), worker: await bundled('worker'), cycles: await bundled('cycles') }
  const { chaos } = await import(pathToFileURL(programs.chaos).href)
  const all = runtimes()
  const places = flags.places.split(',').filter(existsSync)
  const kinds = ['run', 'run', 'timeout', 'abort', 'try', 'sync', 'trySync', 'sweep']
  const mixes = all.length > 1 ? [...all.map(runtime => [runtime]), all] : [all]
  const withSqlite = all.filter(hasSqlite)
  const sqlite = { engine: 'sqlite' }
  const attacked = { processes: 8, times: 200, kills: 60, stops: 60 }
  const alone = { kills: 0, stops: 0, kinds: ['run'] }
  /** @type {[string, object][]} */
  const settings = []
  for (const mix of mixes) {
    const file = { kinds: ['file'], isFile: true }
    settings.push(['sockets', { ...attacked, runtimes: mix, kinds }])
    settings.push(['lockFile', { ...attacked, runtimes: mix, ...file }])
    settings.push(['counter', { ...alone, runtimes: mix, processes: 8, times: 2500 }])
    settings.push(['crowd', { ...alone, runtimes: mix, processes: 200, times: 5 }])
  }
  if (withSqlite.length > 0) {
    settings.push(['sqlite', { ...attacked, runtimes: withSqlite, kinds, lock: sqlite, times: 60 }])
    settings.push(['counter', { ...alone, runtimes: withSqlite, processes: 8, times: 2500, lock: sqlite }])
  }
  for (const runtime of all) settings.push(['cycles', { runtime, options: {} }])
  if (withSqlite[0] !== undefined) settings.push(['cycles', { runtime: withSqlite[0], options: sqlite }])

  /** @type {string[]} */
  const leftOut = []
  for (let round = 1; round <= Number(flags.rounds); round++)
    for (const folder of places)
      for (const [name, setting] of settings.filter(([name]) => only.includes(name))) {
        if (performance.now() > end) {
          leftOut.push(`${name} on ${folder}`)
          continue
        }
        const began = performance.now()
        const seed = round * 1000 + failed + settings.length
        const { runtime, options } = /** @type {{ runtime: string, options: object }} */ (setting)
        const { violations, ...result } =
          name === 'cycles'
            ? cycles(runtime, folder, options)
            : await chaos({ program: programs.worker, folder, seed, ...setting })
        // Nobody was killed and nobody gave up: each section counts, and counts once.
        const { processes, times, kills } = /** @type {{ processes: number, times: number, kills: number }} */ (setting)
        if (kills === 0 && (result.counted !== processes * times || result.done !== result.counted))
          violations.push(`${processes * times} sections were asked for`)
        if (violations.length > 0) failed++
        const seconds = Math.round((performance.now() - began) / 1000)
        console.log(
          violations.length > 0 ? 'FAIL' : 'ok  ',
          name,
          folder,
          `${seconds} s`,
          JSON.stringify({ ...result, ...setting })
        )
        for (const violation of violations.slice(0, 5)) console.log(`     ${violation}`)
      }
  if (leftOut.length > 0) {
    failed++
    console.log(`FAIL no time was left for ${leftOut.join(', ')}`)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(failed === 0 ? 'no two holders, no token that shrinks, no process that does not end' : `${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
