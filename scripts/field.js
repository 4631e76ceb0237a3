// Checks the published mutexes with the command line, and writes docs/field.md.
//
// Usage: node scripts/field.js [--check] [--from FOLDER]
//   --check: fails if the page is not what the packages that are installed give
//   --from: another folder that has some of the packages in its node_modules

import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fromRoot, manifest } from './project.js'

/**
 * What is checked, as one would ask for it.
 *
 * @typedef {{ ask: string, flags?: string[], says?: string }} Peer `flags`: what else is written on the command line;
 *   `says`: what its documentation says of what was found, to be fair
 */

const SEMAPHORE = 'It is a semaphore by intention: any call of `release()` adds a permit, as its documentation shows.'

/** @type {Peer[]} */
const PEERS = [
  { ask: 'latchkey#Mutex' },
  { ask: 'latchkey#KeyedMutex' },
  { ask: 'latchkey#Semaphore' },
  { ask: 'latchkey#ReadWriteLock' },
  { ask: 'async-mutex#Mutex' },
  { ask: 'async-lock' },
  { ask: 'async-sema#Sema', says: SEMAPHORE },
  { ask: 'p-limit' },
  { ask: 'p-queue', flags: ['--args', '[{"concurrency":1}]'] },
  { ask: 'await-lock' },
  { ask: 'es-toolkit#Mutex' },
  { ask: 'mutexify/promise' },
  { ask: 'semaphore-async-await#Lock' },
  { ask: '@esfx/async-mutex#AsyncMutex' },
  { ask: 'superlock#createLock' },
  { ask: 'p-mutex' },
  { ask: '@rocicorp/lock#Lock' },
  { ask: '@rocicorp/lock#RWLock' },
  { ask: '@livekit/mutex#Mutex' },
  {
    ask: 'await-semaphore#Semaphore',
    says: 'The task that it is given has to give a promise: it says so in its types.'
  },
  { ask: 'mutex-ts#Mutex' },
  { ask: 'mutex-ts#MutexRW' },
  { ask: '@shopify/semaphore#Semaphore' },
  { ask: '@chriscdn/promise-semaphore#Semaphore', says: SEMAPHORE },
  { ask: 'rwlock' },
  { ask: 'readwrite-lock' },
  {
    ask: '@openally/mutex',
    flags: ['--args', '[{"concurrency":1}]'],
    says: 'It needs Node 22. Unless it is told otherwise, it lets five in.'
  }
]

/** Some need what Node has from 22 on, and the page is the same on every version of it. */
const NEWER = `data:text/javascript,${encodeURIComponent(`Promise.withResolvers ??= function () {
  const all = {}
  all.promise = new this((resolve, reject) => Object.assign(all, { resolve, reject }))
  return all
}`)}`
const env = { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${NEWER}` }

/** @type {import('../src/testing/guarantees.js').Guarantee[]} */
const SHOWN = ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7', 'G8', 'G9', 'G10']
const SIGNS = { holds: '✓', broken: '**✗**', policy: 'p', unsure: '?', 'not offered': '–', 'not tried': '·' }

/** The folder whose packages are checked: another one with --from FOLDER. */
const from = process.argv.indexOf('--from')
const home = from > 0 ? resolve(process.argv[from + 1] ?? '.') : fromRoot('.')

const { draw } = await import(fromRoot('dist/esm/cli/draw.js'))

/** @param {Peer} peer @returns {Promise<import('../src/testing/report.js').Report>} */
function check({ ask, flags = [] }) {
  const args = [
    fromRoot(manifest.bin.latchkey),
    'check',
    ask,
    '--json',
    '--waiters',
    '0',
    '--deadline',
    '600000',
    ...flags
  ]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: homeOf(ask), env, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      const report = stdout === '' ? { error: stderr || error } : JSON.parse(stdout)
      if (report.error) reject(new Error(`${ask} could not be checked: ${report.error}`))
      else resolve(report)
    })
  })
}

/** Where a package is. @param {string} ask */
const homeOf = ask => (existsSync(join(home, 'node_modules', packageOf({ ask }))) ? home : fromRoot('.'))

/** @param {Peer} peer */
const packageOf = ({ ask }) => (/^(@[^/]+\/)?[^/#]+/.exec(ask) ?? [ask])[0]

/** As it is typed. @param {Peer} peer */
const commandOf = ({ ask, flags = [] }) =>
  ['npx latchkey check', ask, ...flags.map(flag => (/^[\w-]+$/.test(flag) ? flag : `'${flag}'`))].join(' ')

/** @param {string} name */
const versionOf = name =>
  name === manifest.name
    ? 'this one'
    : JSON.parse(readFileSync(join(homeOf(name), `node_modules/${name}/package.json`), 'utf8')).version

/** @type {{ peer: Peer, report: import('../src/testing/report.js').Report }[]} */
const all = []
for (const peer of PEERS) {
  process.stderr.write(`${peer.ask}\n`)
  all.push({ peer, report: await check(peer) })
}

const names = new Map(all[0]?.report.verdicts.map(({ guarantee, name }) => [guarantee, name]))
const row = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`
const table = [
  row(['', 'version', ...SHOWN]),
  row(['---', '---', ...SHOWN.map(() => ':-:')]),
  ...all.map(({ peer, report }) => {
    const verdictOf = (/** @type {string} */ guarantee) =>
      report.verdicts.find(verdict => verdict.guarantee === guarantee)?.verdict ?? 'not tried'
    return row([
      `\`${peer.ask}\`${peer.flags ? ` \`${peer.flags.join(' ')}\`` : ''}`,
      versionOf(packageOf(peer)),
      ...SHOWN.map(guarantee => SIGNS[verdictOf(guarantee)])
    ])
  })
]

const details = all.flatMap(({ peer, report }) => {
  const told = report.verdicts.filter(({ verdict }) => verdict === 'broken' || verdict === 'policy')
  if (told.length === 0) return []
  return [
    `### ${peer.ask}`,
    '',
    `\`${commandOf(peer)}\` recognises ${report.shape}.`,
    ...(peer.says === undefined ? [] : ['', peer.says]),
    ...told.flatMap(({ guarantee, name, verdict, why, timeline }) => [
      '',
      `**${guarantee} ${name}**${verdict === 'policy' ? ', by policy' : ''}: ${why}.`,
      ...(timeline ? ['', '```text', ...draw(timeline).map((/** @type {string} */ line) => line.trimEnd()), '```'] : [])
    ]),
    ''
  ]
})

const page = `# Other libraries, tested

How the published mutexes keep the [guarantees](guarantees.md), as \`latchkey check\` sees them. This page is generated by
\`npm run docs:field\`; each line of it can be had again with one command, in a project that has the package:

\`\`\`sh
npx latchkey check ${all.find(({ peer }) => packageOf(peer) !== manifest.name)?.peer.ask}
\`\`\`

✓ holds · **✗** broken · p a [policy](check.md#broken-policy-unsure): it does not hold, and may be meant so · – not offered: the
package does not claim it, or has nothing that it could be about · · not tried

${table.join('\n')}

${SHOWN.map(guarantee => `${guarantee} ${names.get(guarantee)}`).join(' · ')}

Speed and long queues (G9) are not judged here, since they depend on the machine: see [Performance](performance.md). G8, that a
queued task runs in the async context of its caller, is claimed by no other package, so none is said to break it.

A ✓ says that no schedule of the small world broke it, and none of the random ones in the larger one. It is not a proof, and a
✗ is not a verdict on a package: many of these say in their documentation what they do, and are used well within it.

## What was seen

${details.join('\n').trimEnd()}
`

const file = fromRoot('docs/field.md')
// The way on is kept: it belongs to the order of the guides.
const foot = (() => {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .findLast(line => line.startsWith('←'))
  } catch {
    return undefined
  }
})()
const text = `${page}\n${foot ?? '← [The command line](check.md) · [Guides](README.md)'}\n`
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/field.md is not what the packages give: npm run docs:field')
    process.exitCode = 1
  }
} else writeFileSync(file, text)
