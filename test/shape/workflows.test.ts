// The workflows: what each job may do, and that what may publish the package runs nothing that others wrote but npm. Read as text, by
// their indentation: a step is as it is written here, with two spaces a level.

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'

const folder = fromRoot('.github/workflows')
const files = readdirSync(folder).map(name => ({ name, text: readFileSync(`${folder}/${name}`, 'utf8') }))

interface Job {
  readonly name: string
  readonly text: string
}

/** The jobs of a workflow, each with its text, comments left out. */
function jobsOf(workflow: string): Job[] {
  const text = workflow.replaceAll(/^ *#.*\n/gm, '')
  const [, ...parts] = text.slice(text.indexOf('\njobs:\n')).split(/^ {2}(?=[\w-]+:\n)/m)
  return parts.map(part => ({ name: part.slice(0, part.indexOf(':')), text: part }))
}

const jobs = files.flatMap(({ name, text }) => jobsOf(text).map(job => ({ ...job, workflow: name })))

/** What a job may use, as far as it says so itself. */
const permissionsOf = ({ text }: Job): string[] =>
  /^ {4}permissions:\n((?: {6}.*\n)+)/m.exec(text)?.[1]?.match(/\S.*/g) ?? []

/** What runs code of this repository, or of a package. */
const RUNS_CODE =
  /\bnpm (ci|i|install|run|test|exec|x)\b|\bnpx\b|\bnode\b(?!-)|\.ci\/run|actions\/checkout|changesets\//

test('there are workflows, with jobs', () => {
  expect(files.map(({ name }) => name).sort()).toEqual(['ci.yml', 'mutants.yml', 'pages.yml', 'release.yml'])
  expect(jobs.map(({ workflow, name }) => `${workflow} ${name}`)).toEqual(
    expect.arrayContaining(['ci.yml check', 'pages.yml deploy', 'release.yml publish'])
  )
})

test('an action is named by the commit that its tag stood for', () => {
  const used = files.flatMap(({ text }) => text.match(/(?<=uses: ).*/g) ?? [])
  expect(used.length).toBeGreaterThan(10)
  expect(used.filter(it => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(it))).toEqual([])
  // One version of each, everywhere.
  expect(new Set(used).size).toBe(new Set(used.map(it => it.split('@')[0])).size)
})

test('each workflow says what it may do, and each job how long it may take', () => {
  expect(files.filter(({ text }) => !/^permissions:/m.test(text))).toEqual([])
  expect(jobs.filter(({ text }) => !/^ {4}timeout-minutes: \d+$/m.test(text))).toEqual([])
})

describe('what may publish', () => {
  const mayPublish = jobs.filter(job => permissionsOf(job).includes('id-token: write'))

  test('are two jobs: one for the package, one for the site', () => {
    expect(mayPublish.map(({ workflow, name }) => `${workflow} ${name}`).sort()).toEqual([
      'pages.yml deploy',
      'release.yml publish'
    ])
    expect(files.filter(({ text }) => /^ {2}id-token/m.test(text))).toEqual([])
  })

  test.each(mayPublish)('$name runs no code of this repository or of a package', ({ text }) => {
    expect(text.replaceAll('actions/setup-node', '')).not.toMatch(RUNS_CODE)
  })

  test('and one that did would be seen', () => {
    for (const step of ['run: npm ci', 'run: npx x', 'run: node x.js', 'uses: actions/checkout@0', 'run: .ci/run'])
      expect(step).toMatch(RUNS_CODE)
    expect(permissionsOf({ name: 'a', text: 'a:\n    permissions:\n      id-token: write\n' })).toEqual([
      'id-token: write'
    ])
  })

  test('publishes what another job packed and checked, after all tests', () => {
    const publish = jobs.find(({ name }) => name === 'publish')
    expect(publish?.text).toMatch(/needs: \[version, test, pack\]/)
    expect(publish?.text).toMatch(/download-artifact.*\n\s+with:\n\s+name: package\n/)
    expect(publish?.text).toMatch(/npm publish "\.\/latchkey-\$VERSION\.tgz" --ignore-scripts/)
    expect(jobs.find(({ name }) => name === 'pack')?.text).toMatch(/check:package -- packed\/\*\.tgz/)
  })

  test('no token of a registry is kept anywhere', () => {
    expect(files.filter(({ text }) => /NPM_TOKEN|NODE_AUTH_TOKEN|_authToken/.test(text))).toEqual([])
  })
})

test('no job does on the oldest Node what another one does there already', () => {
  const ci = jobs.filter(({ workflow }) => workflow === 'ci.yml')
  expect(ci.filter(({ text }) => /node-version: 20$/m.test(text)).map(({ name }) => name)).toEqual(['check'])
  expect(ci.find(({ name }) => name === 'test')?.text).toMatch(/node: \[22, 24, 26\]/)
})
