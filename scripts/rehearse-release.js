// A release, all but the last step: a copy of the repository gets its version, is built and packed as the release workflow does it,
// is published to a registry on this machine, and is installed from there by its name, as a user will.
//
// Usage: npm run release:rehearse
//
// The registry is verdaccio, which npm brings into a folder below node_modules/.cache. It listens on the loopback address alone, and
// serves this package and no other. Nothing of it is left when this ends: neither files nor an address in any configuration.

import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { entryOf } from './changelog.js'
import { fromRoot, manifest } from './project.js'

/** `verdaccio-audit` asks for a tag of node-fetch that not every mirror has. */
const REGISTRY = { private: true, dependencies: { verdaccio: '6.8.0' }, overrides: { 'node-fetch': '2.7.0' } }
/** For one command, in ms. */
const LIMIT = 300_000

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-rehearsal-'))
/** @type {import('node:child_process').ChildProcess | undefined} */
let registry
process.on('exit', () => {
  registry?.kill()
  rmSync(scratch, { recursive: true, force: true })
})

// Outside of what this user has configured: no token, no registry, no cache.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
/** @param {string} command @param {string[]} args @param {string} cwd @param {Record<string, string>} [more] */
const run = (command, args, cwd, more) =>
  execFileSync(command, args, {
    cwd,
    env: { ...env, ...more },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT,
    shell: process.platform === 'win32'
  })
/** @param {string} title */
const step = title => console.log(`== ${title}`)
/** @param {unknown} ok @param {string} what @returns {asserts ok} */
function check(ok, what) {
  if (!ok) throw new Error(`not so: ${what}`)
  console.log(`   ${what}`)
}

step('a copy gets its version')
const copy = join(scratch, 'copy')
const files = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], fromRoot('.')).split('\0')
for (const file of files.filter(file => file && existsSync(fromRoot(file)))) {
  mkdirSync(dirname(join(copy, file)), { recursive: true })
  cpSync(fromRoot(file), join(copy, file))
}
symlinkSync(fromRoot('node_modules'), join(copy, 'node_modules'), 'dir')
const author = ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost']
for (const args of [
  ['init', '-q'],
  ['add', '-A'],
  [...author, 'commit', '-qm', 'rehearsal']
])
  run('git', args, copy)
const pending = () => readdirSync(join(copy, '.changeset')).filter(file => file.endsWith('.md') && file !== 'README.md')
if (pending().length > 0) {
  console.log(`   ${pending().length} changesets ask for a release after ${manifest.version}`)
  run('node', ['scripts/version.js'], copy)
} else console.log('   no changesets: this is the commit of a release')
const { version } = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'))
check(version !== '0.0.0' && pending().length === 0, `it is ${version}, and no changeset is left`)
const entry = entryOf(readFileSync(join(copy, 'CHANGELOG.md'), 'utf8'), version) ?? ''
check(entry.length > 100, `CHANGELOG.md has an entry for it, ${entry.split('\n').length} lines`)
check(!/\b(?=\w*\d)[0-9a-f]{7,40}\b/.test(entry), 'no commit is named there')

step('built and packed')
run('npm', ['run', 'build'], copy)
const [{ filename }] = JSON.parse(
  run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], copy)
)
const tarball = join(scratch, filename)
check(existsSync(tarball), filename)

step('published to a registry on this machine')
const home = fromRoot('node_modules/.cache/latchkey-registry')
if (!existsSync(join(home, 'node_modules/verdaccio'))) {
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), JSON.stringify(REGISTRY))
  // With the configuration of this user: this comes from the registry that the project is installed from.
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: home,
    stdio: 'pipe',
    timeout: LIMIT
  })
}
const port = await freePort()
const address = `http://127.0.0.1:${port}/`
const config = join(scratch, 'registry.json')
writeFileSync(
  config,
  JSON.stringify({
    storage: join(scratch, 'storage'),
    auth: { htpasswd: { file: join(scratch, 'htpasswd') } },
    uplinks: {},
    packages: { [manifest.name]: { access: '$all', publish: '$authenticated' } },
    log: { type: 'stdout', format: 'pretty', level: 'warn' }
  })
)
const program = join(home, 'node_modules/verdaccio/bin/verdaccio')
registry = spawn(process.execPath, [program, '--config', config, '--listen', `127.0.0.1:${port}`], {
  env,
  stdio: 'pipe'
})
let said = ''
for (const stream of [registry.stdout, registry.stderr]) stream?.on('data', data => (said += data))
for (let attempt = 0; ; attempt++) {
  if (
    await fetch(`${address}-/ping`).then(
      ({ ok }) => ok,
      () => false
    )
  )
    break
  if (attempt === 300 || registry.exitCode !== null) throw new Error(`the registry does not answer: ${said}`)
  await new Promise(resolve => setTimeout(resolve, 100))
}
const login = { name: 'rehearsal', password: `only-here-${process.pid}` }
const answer = await fetch(`${address}-/user/org.couchdb.user:${login.name}`, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(login)
})
const { token } = /** @type {{ token?: string }} */ (await answer.json())
const npmrc = join(scratch, 'npmrc')
writeFileSync(npmrc, `registry=${address}\n//127.0.0.1:${port}/:_authToken=${token}\n`)
const npm = { npm_config_userconfig: npmrc, npm_config_cache: join(scratch, 'cache') }
run('npm', ['publish', tarball, '--ignore-scripts'], scratch, npm)
const published = run('npm', ['view', manifest.name, 'version'], scratch, npm).trim()
check(published === version, `the registry has ${manifest.name} ${published}`)
/** Whether the registry refuses it, as it must. */
const again = () => {
  try {
    run('npm', ['publish', tarball, '--ignore-scripts'], scratch, npm)
    return false
  } catch {
    return true
  }
}
check(again(), 'and refuses the same version a second time')

step('installed by its name')
const user = join(scratch, 'user')
mkdirSync(user)
writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true }))
run('npm', ['install', manifest.name, '--no-fund', '--no-audit'], user, npm)
const lock = JSON.parse(readFileSync(join(user, 'package-lock.json'), 'utf8'))
const [, ...installed] = Object.entries(lock.packages)
check(installed.length === 1, 'one package, no dependencies')
check(
  installed[0]?.[1].version === version && installed[0]?.[1].resolved.startsWith(address),
  `${version}, from that registry`
)

const use = `const mutex = new Mutex({ name: 'rehearsal' })
const results = []
const task = async n => { results.push(n); await null; results.push(n) }
Promise.all([1, 2].map(n => mutex.runExclusive(() => task(n)))).then(() => console.log(results.join(' ')))`
const programs = {
  'user.mjs': `import { Mutex } from '${manifest.name}'\n${use}`,
  'user.cjs': `const { Mutex } = require('${manifest.name}')\n${use}`,
  'user.mts': `import { KeyedMutex, type Lock, Mutex } from '${manifest.name}'
import { Mutex as Moved } from '${manifest.name}/compat/async-mutex'
const lock: Lock | undefined = new Mutex().tryAcquire()
export const results: Promise<number> = new KeyedMutex<string>().runExclusive('a', async () => (lock ? 1 : 0))
export const moved: Promise<string> = new Moved().runExclusive(() => 'x')
results.then(it => console.log(it))
// @ts-expect-error: a name is a string
new Mutex({ name: 1 })`
}
for (const [file, code] of Object.entries(programs)) writeFileSync(join(user, file), `${code}\n`)
check(run('node', ['user.mjs'], user).trim() === '1 1 2 2', 'runs as an ES module')
check(run('node', ['user.cjs'], user).trim() === '1 1 2 2', 'runs as CommonJS')
const tsc = fromRoot('node_modules/@typescript/native/bin/tsc')
const settings = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--types', '', '--skipLibCheck', 'false']
run('node', [tsc, 'user.mts', ...settings, '--outDir', 'compiled'], user)
check(run('node', ['compiled/user.mjs'], user).trim() === '1', 'compiles, strictly and with its declarations, and runs')
const help = run('npx', ['--no-install', manifest.name, '--help'], user, npm)
check(help.includes(`${manifest.name} check`), `npx ${manifest.name} --help answers`)

step('npm audit signatures')
// A registry signs what it serves, with keys that it publishes. This one has none, so there is nothing to verify: what is seen here is
// that the command runs on the installed package, not that the signature and the provenance of a release are good.
try {
  console.log(`   ${run('npm', ['audit', 'signatures'], user, npm).trim()}`)
} catch (error) {
  const { stderr = '', stdout = '' } = /** @type {{ stderr?: string, stdout?: string }} */ (error)
  const output = `${stdout}${stderr}`
  if (!/no dependencies to audit|supported registry|no installed packages/i.test(output)) throw error
  console.log(`   ${output.trim().split('\n').join('\n   ')}`)
}
console.log(`\n${manifest.name} ${version} can be released.`)
process.exit()

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
