// npm run chaos:threads: SharedMutex under chaos, for longer than the tests have time, on every runtime that is given, and
// the model of its protocol in its larger settings.
//
//   npm run chaos:threads -- --runtimes node,/path/to/node24,/path/to/bun,/path/to/deno --seconds 8 --rounds 3
//
// `--all` installs Node 22, 24 and 26, Bun and Deno in a temporary folder. Chromium, if it is there, is tried too.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { entryPoints, fromRoot, run } from './project.js'

const { values: flags } = parseArgs({
  options: {
    runtimes: { type: 'string' },
    all: { type: 'boolean' },
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
    'no-model': { type: 'boolean' }
  }
})

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-chaos-'))
const program = join(scratch, 'chaos.mjs')
await build({
  entryPoints: [fromRoot('test/threads/chaos.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'error',
  plugins: [
    {
      name: 'sources',
      setup({ onResolve }) {
        for (const { name, source } of entryPoints)
          onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: source }))
      }
    }
  ]
})
writeFileSync(
  join(scratch, 'main.mjs'),
  `import { chaos } from './chaos.mjs'
const result = await chaos(new URL('./chaos.mjs', import.meta.url), Number(process.argv[2]), Number(process.argv[3]))
console.log('RESULT ' + JSON.stringify(result))
`
)

/** @returns {string[]} */
function runtimes() {
  if (!flags.all) return flags.runtimes?.split(',') ?? [process.execPath]
  const packages = [...[22, 24, 26].map(version => `node${version}@npm:node@${version}`), 'bun', 'deno']
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', scratch, ...packages], { stdio: 'ignore' })
  const modules = join(scratch, 'node_modules')
  return [
    process.execPath,
    ...[22, 24, 26].map(version => join(modules, `node${version}`, 'bin', 'node')),
    ...['bun', 'deno'].map(name => join(modules, '.bin', name))
  ]
}

let failed = 0
try {
  if (!flags['no-model']) {
    process.env.CHAOS = '1'
    run('vitest', ['run', 'test/threads/model.test.ts'])
  }
  const ms = Number(flags.seconds) * 1000
  for (const runtime of runtimes())
    for (let round = 1; round <= Number(flags.rounds); round++) {
      const args = [...(/deno$/.test(runtime) ? ['run', '--allow-all'] : []), 'main.mjs', String(ms), String(round)]
      const { stdout, stderr, status, signal } = spawnSync(runtime, args, {
        cwd: scratch,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: ms + 30_000,
        killSignal: 'SIGKILL'
      })
      const line = /^RESULT (.*)$/m.exec(stdout)?.[1]
      const result = line === undefined ? undefined : JSON.parse(line)
      const ok =
        status === 0 &&
        result?.overlaps === 0 &&
        result.lost === 0 &&
        !result.stuck &&
        result.errors.length === 0 &&
        result.abandoned > 0
      if (!ok) failed++
      const how = signal === null ? `exit code ${status}` : `ended by ${signal}: the process did not end by itself`
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${runtime} ${line ?? `no result: ${stderr.slice(0, 500)}`} (${how})`)
    }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
if (failed > 0) process.exitCode = 1
