// Puts the packed package through its own conformance suites on every runtime, and prints a table. What is missing on this
// machine is named, and fails: a runtime that was not tried is not one on which it works.
//
// Usage: node scripts/runtimes.js [WORDS]   WORDS: only the runtimes with these words in their name
//
// The runtimes come from npm, into a folder that is gone afterwards; Chromium is that of the system.

import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { fromRoot } from './project.js'

const run = promisify(execFile)
/** Each takes a few seconds on an idle machine. */
const PATIENCE = 180_000

const SUITE = `
import { KeyedMutex, Mutex, ReadWriteLock, Semaphore } from 'latchkey'
import { checkKeyedMutex, checkMutex, checkReadWriteLock, checkSemaphore } from 'latchkey/testing'

const suites = [
  ['Mutex', checkMutex, () => new Mutex()],
  ['KeyedMutex', checkKeyedMutex, () => new KeyedMutex()],
  ['Semaphore', checkSemaphore, () => new Semaphore(2)],
  ['ReadWriteLock', checkReadWriteLock, () => new ReadWriteLock()]
]

export async function suite() {
  const rows = []
  for (const [name, check, create] of suites) {
    const { schedules, verdicts } = await check(create, { depth: 3, waiters: 10_000, random: { schedules: 20 } })
    rows.push({ name, schedules, verdicts: verdicts.map(({ guarantee, verdict, why }) => ({ guarantee, verdict, why })) })
  }
  return rows
}
`

/** What stands on the kernel: with sockets, and with SQLite where the runtime has it. Only for runtimes with files. */
const LOCAL = `
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keyedLockChecks } from 'latchkey/distributed'
import { LocalLock } from 'latchkey/local'

const hasSqlite = process.getBuiltinModule?.('node:sqlite')?.DatabaseSync !== undefined
const engines = [process.platform === 'linux' && 'sockets', hasSqlite && 'sqlite'].filter(Boolean)

export async function local() {
  const rows = []
  for (const engine of engines) {
    const directory = mkdtempSync(join(tmpdir(), 'latchkey-runtimes-'))
    const verdicts = []
    for (const { name, run } of keyedLockChecks) {
      const locks = []
      const open = () => {
        const lock = new LocalLock({ directory, engine })
        locks.push(lock)
        return lock
      }
      const why = await run(open).then(() => undefined, error => String(error?.message ?? error))
      verdicts.push({ guarantee: name, verdict: why === undefined ? 'kept' : 'broken', why })
      await Promise.all(locks.map(lock => lock.close()))
    }
    rows.push({ name: 'LocalLock (' + engine + ')', schedules: verdicts.length, verdicts })
    rmSync(directory, { recursive: true, force: true })
  }
  return rows
}
`

/** @typedef {{ name: string, schedules: number, verdicts: { guarantee: string, verdict: string, why?: string }[] }} Row */

const folder = mkdtempSync(join(tmpdir(), 'latchkey-runtimes-'))
const inFolder = (/** @type {string[]} */ ...path) => join(folder, ...path)

/** @param {...string} packages */
async function install(...packages) {
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-save', ...packages], { cwd: folder, timeout: PATIENCE })
}

/**
 * @param {string} command @param {string[]} args
 * @param {boolean} hasSqlite whether it would be a fault if the locks that stand on SQLite had not been tried
 * @returns {Promise<Row[]>}
 */
async function inProcess(command, args, hasSqlite = false) {
  const { stdout } = await run(command, args, { cwd: folder, timeout: PATIENCE, maxBuffer: 1e7 })
  /** @type {Row[]} */
  const rows = JSON.parse(stdout)
  if (hasSqlite && !rows.some(({ name }) => name.includes('sqlite'))) throw new Error('it has no node:sqlite')
  return rows
}

/** One file with everything in it, for what has no package manager. @param {string} contents @param {'iife' | 'esm'} format */
async function bundle(contents, format) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format,
    target: 'es2022',
    write: false,
    logLevel: 'error'
  })
  return outputFiles[0]?.text ?? ''
}

/** @param {boolean} inWorker @returns {Promise<Row[]>} */
async function inBrowser(inWorker) {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
  if (executablePath === undefined) throw new Error('no Chromium on this machine (Debian: apt-get install chromium)')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(PATIENCE)
    if (!inWorker) {
      await page.addScriptTag({ content: await bundle(`${SUITE}\nglobalThis.suite = suite`, 'iife') })
      return await page.evaluate('globalThis.suite()')
    }
    const code = await bundle(
      `${SUITE}\nsuite().then(rows => postMessage({ rows }), error => postMessage({ failed: String(error) }))`,
      'iife'
    )
    const answer = await page.evaluate(
      /** @param {string} code @returns {Promise<{ rows: Row[], failed?: string }>} */
      code =>
        new Promise((resolve, reject) => {
          const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })))
          worker.onmessage = ({ data }) => resolve(data)
          worker.onerror = ({ message }) => reject(new Error(message))
        }),
      code
    )
    if (answer.failed !== undefined) throw new Error(answer.failed)
    return answer.rows
  } finally {
    await browser.close()
  }
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** @returns {Promise<Row[]>} */
async function inWorkerd() {
  await install('workerd')
  const port = await freePort()
  const worker = `${SUITE}\nexport default { fetch: async () => Response.json(await suite()) }`
  writeFileSync(inFolder('worker.mjs'), await bundle(worker, 'esm'))
  writeFileSync(
    inFolder('workerd.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
    compatibilityDate = "2025-06-01",
    compatibilityFlags = ["nodejs_als"]
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
`
  )
  const server = spawn(inFolder('node_modules/.bin/workerd'), ['serve', 'workerd.capnp'], {
    cwd: folder,
    stdio: 'pipe'
  })
  let said = ''
  server.stderr.on('data', data => {
    said += data
  })
  try {
    for (let attempt = 0; ; attempt++) {
      const answer = await fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(PATIENCE) }).catch(error => {
        if (attempt === 50 || server.exitCode !== null)
          throw new Error(`workerd does not answer: ${said}`, { cause: error })
      })
      if (answer?.ok) return /** @type {Promise<Row[]>} */ (answer.json())
      if (answer) throw new Error(`workerd answers ${answer.status}: ${said.slice(0, 500)}`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  } finally {
    server.kill()
  }
}

const node = (/** @type {number} */ version) => ({
  name: `Node ${version}`,
  run: async () => {
    await install(`node${version}@npm:node@${version}`)
    return inProcess(inFolder(`node_modules/node${version}/bin/node`), ['local.mjs'], version >= 24)
  }
})

const runtimes = [
  ...[20, 22, 24, 26].map(node),
  {
    name: 'Bun',
    run: async () => {
      await install('bun')
      return inProcess(inFolder('node_modules/.bin/bun'), ['local.mjs'])
    }
  },
  {
    name: 'Deno',
    run: async () => {
      await install('deno')
      return inProcess(inFolder('node_modules/.bin/deno'), ['run', '--allow-all', 'main.mjs'])
    }
  },
  { name: 'Chromium, page', run: () => inBrowser(false) },
  { name: 'Chromium, web worker', run: () => inBrowser(true) },
  { name: 'workerd', run: inWorkerd }
]

/** `✓`, or what is broken. @param {Row} row */
function summary({ verdicts }) {
  const broken = verdicts.filter(({ verdict }) => verdict === 'broken')
  if (broken.length > 0) return `broken: ${broken.map(({ guarantee, why }) => `${guarantee} (${why})`).join(', ')}`
  const untried = verdicts.filter(
    ({ verdict, guarantee }) => verdict === 'not tried' && !['G10', 'G11', 'G12'].includes(guarantee)
  )
  return `✓${untried.length > 0 ? ` (not tried: ${untried.map(({ guarantee }) => guarantee).join(', ')})` : ''}`
}

try {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: fromRoot('.')
  })
  const [{ filename }] = JSON.parse(stdout)
  writeFileSync(inFolder('package.json'), JSON.stringify({ private: true, type: 'module' }))
  writeFileSync(inFolder('suite.mjs'), SUITE)
  writeFileSync(
    inFolder('main.mjs'),
    "import { suite } from './suite.mjs'\nconsole.log(JSON.stringify(await suite()))\n"
  )
  writeFileSync(inFolder('with-local.mjs'), LOCAL)
  writeFileSync(
    inFolder('local.mjs'),
    "import { suite } from './suite.mjs'\nimport { local } from './with-local.mjs'\nconsole.log(JSON.stringify([...(await suite()), ...(await local())]))\n"
  )
  // Once and for all: what is installed later must not take it away.
  await run('npm', ['install', '--no-audit', '--no-fund', `./${filename}`], { cwd: folder, timeout: PATIENCE })

  const words = process.argv.slice(2).join(' ').toLowerCase()
  const chosen = runtimes.filter(({ name }) => name.toLowerCase().includes(words))
  let passed = 0
  for (const { name, run } of chosen) {
    try {
      const rows = await run()
      const fine = rows.every(row => summary(row).startsWith('✓'))
      if (fine) passed++
      console.log(
        `${fine ? 'ok  ' : 'FAIL'} ${name.padEnd(21)} ${rows.map(row => `${row.name} ${summary(row)}`).join('   ')}`
      )
    } catch (error) {
      const { message, stderr } = /** @type {Error & { stderr?: string }} */ (error)
      console.log(
        `FAIL ${name.padEnd(21)} was not tried: ${message.split('\n').slice(0, 3).join(' ')} ${(stderr ?? '').slice(0, 400)}`
      )
    }
  }
  console.log(`${passed} of ${chosen.length} runtimes passed`)
  if (passed < chosen.length || chosen.length === 0) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
