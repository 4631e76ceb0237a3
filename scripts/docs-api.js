// Generates docs/api from the doc comments in src. With --check, only says whether docs/api is what they give.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Application } from 'typedoc'
import { entryPoints, fromRoot } from './project.js'

const committed = fromRoot('docs/api')

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'latchkey-docs-'))
  process.on('exit', () => rmSync(fresh, { recursive: true, force: true }))
  await generate(fresh)
  const stale = differences(read(committed), read(fresh))
  if (stale.length > 0) {
    console.error(`docs/api is out of step with the doc comments in src:\n  ${stale.join('\n  ')}`)
    console.error('Run `npm run docs:api` and commit docs/api.')
    process.exitCode = 1
  }
} else {
  await generate(committed)
}

/** @param {string} folder */
async function generate(folder) {
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entryPoints.map(({ source }) => source),
    outputs: [{ name: 'markdown', path: folder }]
  })
  const project = await app.convert()
  // A module is called what its user imports, not what its file is called.
  for (const module of project?.children ?? []) {
    const entry = entryPoints.find(({ source }) => [module.name, `${module.name}/index`].includes(moduleOf(source)))
    if (entry) module.name = entry.name
  }
  if (project) app.validate(project)
  const flawed = () => app.logger.hasErrors() || app.logger.hasWarnings()
  if (project && !flawed()) await app.generateOutputs(project)
  if (!project || flawed()) process.exit(1)
}

/**
 * What the generator calls it.
 *
 * @param {string} source
 */
function moduleOf(source) {
  return source.slice(fromRoot('src/').length).replace(/\.ts$/, '')
}

/**
 * @param {string} folder
 * @returns {Map<string, string>} the text of every file in it by its relative path
 */
function read(folder) {
  if (!existsSync(folder)) return new Map()
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return new Map(
    files.map(file => {
      const path = join(file.parentPath, file.name)
      return [relative(folder, path), readFileSync(path, 'utf8')]
    })
  )
}

/**
 * @param {Map<string, string>} old
 * @param {Map<string, string>} now
 */
function differences(old, now) {
  const paths = [...new Set([...old.keys(), ...now.keys()])].sort()
  return paths.flatMap(path => {
    if (!old.has(path)) return `missing: ${path}`
    if (!now.has(path)) return `left over: ${path}`
    return old.get(path) === now.get(path) ? [] : `differs: ${path}`
  })
}
