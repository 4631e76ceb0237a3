// Compiles what a user writes against the declarations of an installed package, with the compilers, module resolutions, targets
// and libraries that people have, and every declaration of the package with it, as `skipLibCheck: false` does.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fromRoot, run } from './project.js'

/**
 * Pinned: a release of the compiler is no reason for a check to fail. They are not dev dependencies, since each would bring a
 * program called tsc. 6 and 7 are those that the repository is compiled with.
 */
const OLDER = { 4.9: '4.9.5', 5.1: '5.1.6', 5.4: '5.4.5', 5.9: '5.9.3' }

/** @typedef {{ compiler: number, resolution: string, target: string, dom: boolean, node: boolean }} Combination */

const resolutions = { node10: 'CommonJS', node16: 'Node16', nodenext: 'NodeNext', bundler: 'ESNext' }
/** The least that goes with a target: promises came with ES2015. */
const targets = { es5: 'ES2015', es2017: 'ES2017', es2022: 'ES2022' }

/**
 * All that a compiler can do, or as many that each resolution meets each platform, and each target too.
 *
 * @param {number} compiler
 * @param {boolean} all
 * @returns {Combination[]}
 */
function combinationsFor(compiler, all) {
  const platforms = [true, false].flatMap(dom => [true, false].map(node => ({ dom, node })))
  return Object.keys(resolutions)
    .flatMap(resolution =>
      Object.keys(targets).flatMap(target => platforms.map(platform => ({ compiler, resolution, target, ...platform })))
    )
    .filter(
      ({ resolution, target, dom, node }) =>
        !(compiler < 5 && resolution === 'bundler') &&
        !(compiler >= 7 && (resolution === 'node10' || target === 'es5')) &&
        (all || (target === 'es2022' && dom === node) || (resolution === 'nodenext' && !(dom && node)))
    )
}

/** @param {Combination} combination @returns {Record<string, unknown>} */
function optionsFor({ compiler, resolution, target, dom, node }) {
  return {
    target,
    module: resolutions[resolution],
    moduleResolution: compiler < 5 && resolution === 'node10' ? 'node' : resolution,
    lib: [targets[target], ...(dom ? ['DOM'] : [])],
    types: node ? ['node'] : [],
    typeRoots: [fromRoot('node_modules/@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    ...(compiler === 6 && { ignoreDeprecations: '6.0' })
  }
}

const nameOf = (/** @type {Combination} */ { compiler, resolution, target, dom, node }) =>
  `TypeScript ${compiler}, ${resolution}, ${target}, ${dom ? 'with' : 'without'} DOM, ${node ? 'with' : 'without'} @types/node`

/**
 * What a user may write everywhere; and where there are signals, and `using`, what needs those.
 *
 * @param {string[]} entries
 * @param {Combination} combination
 */
function consumer(entries, { compiler, dom, node }) {
  const lines = entries.map((name, i) => `import * as entry${i} from '${name}'\nvoid entry${i}`)
  lines.push(`
import { KeyedMutex, type Lock, type LockOptions, Mutex, Semaphore, SingleFlight } from 'latchkey'
type Signal = NonNullable<NonNullable<Parameters<Mutex['acquire']>[0]>['signal']>
export class Named extends Mutex {
  readonly label: string
  constructor(options: LockOptions & { name: string }) {
    super(options)
    this.label = options.name
  }
}
export async function use(signal: Signal): Promise<number> {
  const aborted: boolean = signal.aborted
  const lock: Lock = await new Named({ name: 'a' }).acquire({ signal, timeout: 5 })
  lock.release()
  const keyed = new KeyedMutex<number>()
  const found: boolean = await keyed.runExclusiveMany([1, 2], async () => aborted)
  await keyed[Symbol.asyncDispose]()
  lock[Symbol.dispose]()
  return new Semaphore(2).run(() => (found ? 1 : 2))
}
// @ts-expect-error: a name is a string
new Mutex({ name: 1 })
// @ts-expect-error: a signal is a signal
new Mutex().acquire({ signal: { aborted: 'no' } })`)
  if (dom || node)
    lines.push(`
export async function cancel(): Promise<void> {
  const controller = new AbortController()
  await new Mutex().acquire({ signal: controller.signal })
  await new SingleFlight().run('a', signal => {
    const same: AbortSignal = signal
    same.addEventListener('abort', () => {})
  })
}`)
  if (compiler >= 5.2)
    lines.push(`
export async function scoped(): Promise<void> {
  using lock = await new Mutex().acquire()
  await using mutex = new Mutex()
  // @ts-expect-error: the lock has to be awaited
  using missing = new Mutex().acquire()
  void [lock.held, mutex.locked, missing]
}`)
  return `${lines.join('\n')}\n`
}

/**
 * Prints what does not compile.
 *
 * @param {string[]} entries what can be imported
 * @param {string} user a folder in which the package is installed
 * @param {boolean} all whether every combination is tried, which takes minutes
 * @returns {Promise<boolean>} whether all of it compiles
 */
export async function checkTypes(entries, user, all) {
  const failures = new Map()
  let count = 0
  const add = (/** @type {Combination} */ combination, /** @type {string[]} */ errors) => {
    count++
    for (const error of errors) failures.set(error, [...(failures.get(error) ?? []), nameOf(combination)])
  }
  for (const version of [...Object.keys(OLDER).map(Number), 6])
    for (const combination of combinationsFor(version, all))
      add(combination, compile(version, combination, entries, user))
  const native = combinationsFor(7, all)
  await Promise.all(
    Array.from({ length: Math.max(2, cpus().length) }, async () => {
      for (let next = native.pop(); next; next = native.pop()) add(next, await compileNatively(next, entries, user))
    })
  )
  for (const [error, where] of failures) console.error(`${error}\n    ${where.length} times, as in: ${where[0]}`)
  console.log(`${count} combinations, ${failures.size === 0 ? 'each compiles' : `${failures.size} errors`}`)
  return failures.size === 0
}

/** The compilers, installed once and kept between runs. @param {number} version */
function compilerOf(version) {
  const load = createRequire(import.meta.url)
  if (version === 6) return load('typescript')
  const folder = fromRoot('node_modules/.cache/latchkey-compilers')
  const missing = Object.values(OLDER).filter(exact => !existsSync(join(folder, 'node_modules', `typescript-${exact}`)))
  if (missing.length > 0) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    const packages = Object.values(OLDER).map(exact => `typescript-${exact}@npm:typescript@${exact}`)
    run('npm', ['install', '--no-audit', '--no-fund', '--no-bin-links', ...packages], { cwd: folder, quiet: true })
  }
  return load(join(folder, 'node_modules', `typescript-${OLDER[version]}`))
}

/** @param {string} user @param {Combination} combination @param {string[]} entries */
function writeConsumers(user, combination, entries) {
  const files =
    (combination.resolution.startsWith('node1') && combination.resolution !== 'node10') ||
    combination.resolution === 'nodenext'
      ? ['consumer.mts', 'consumer.cts']
      : ['consumer.ts']
  return files.map(file => ({ path: join(user, file), text: consumer(entries, combination) }))
}

/** The libraries of a compiler and @types/node do not change from one combination to the next. */
const parsed = new Map()

/**
 * @param {number} version
 * @param {Combination} combination
 * @param {string[]} entries
 * @param {string} user
 */
function compile(version, combination, entries, user) {
  const ts = compilerOf(version)
  const consumers = writeConsumers(user, combination, entries)
  const { options, errors } = ts.convertCompilerOptionsFromJson(optionsFor(combination), user)
  const host = ts.createCompilerHost(options, true)
  const { fileExists, getSourceFile, readFile } = host
  const textOf = (/** @type {string} */ path) => consumers.find(file => file.path === path)?.text
  host.fileExists = path => textOf(path) !== undefined || fileExists(path)
  host.readFile = path => textOf(path) ?? readFile(path)
  host.getCurrentDirectory = () => user
  host.getSourceFile = (path, how, ...rest) => {
    const text = textOf(path)
    if (text !== undefined) return ts.createSourceFile(path, text, how, true)
    const key = JSON.stringify([version, path, how])
    if (!parsed.has(key)) parsed.set(key, getSourceFile(path, how, ...rest))
    return parsed.get(key)
  }
  const program = ts.createProgram(
    consumers.map(({ path }) => path),
    options,
    host
  )
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(user))
  const found = [
    ...errors,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...own.flatMap(file => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
  ]
  return found.map(({ file, start, code, messageText }) => {
    const line = file && file.getLineAndCharacterOfPosition(start).line + 1
    const text = ts.flattenDiagnosticMessageText(messageText, ' ')
    return `${file ? `${file.fileName.replace(`${user}/`, '')}:${line}: ` : ''}TS${code} ${text}`
  })
}

/** TypeScript 7 is a program: it checks everything, the libraries included. @param {Combination} combination @param {string[]} entries @param {string} user */
async function compileNatively(combination, entries, user) {
  const folder = join(user, `native-${nameOf(combination).replaceAll(/\W+/g, '-')}`)
  mkdirSync(folder)
  for (const { path, text } of writeConsumers(folder, combination, entries)) writeFileSync(path, text)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: optionsFor(combination) }))
  const tsc = fromRoot('node_modules/@typescript/native/bin/tsc')
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'])
    return []
  } catch (error) {
    const { stdout = '' } = /** @type {{ stdout?: string }} */ (error)
    return stdout
      .trim()
      .split('\n')
      .map(line => line.replace(/^.*(?=(node_modules\/latchkey|consumer)\b)/, ''))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
