// Generates the API reference of the site from the doc comments in src, as pages for site/pages/api. It fails when what is
// public lacks a comment, or a comment links to nothing. `npm run docs:build` and `npm run docs:dev` run it.

import { rmSync } from 'node:fs'
import { Application, Comment, ContainerReflection, ReflectionGroup, ReflectionKind } from 'typedoc'
import { entryPoints, fromRoot } from './project.js'
import { stabilityNote } from './stability.js'

const folder = fromRoot('site/pages/api')
rmSync(folder, { recursive: true, force: true })

const app = await Application.bootstrapWithPlugins({
  entryPoints: entryPoints.map(({ source }) => source),
  outputs: [{ name: 'markdown', path: folder }]
})
const project = await app.convert()
// Members that are named by a symbol of the package are not for users. Removing one takes it from its class, and not from the
// groups of the classes that inherit it.
/** @param {{ name: string }} reflection */
const isHidden = ({ name }) => /^\[(\$|inspect\])|^__v_skip$/.test(name)
const all = () => Object.values(project?.reflections ?? {})
for (const reflection of all()) if (isHidden(reflection)) project?.removeReflection(reflection)
for (const reflection of all()) {
  if (!(reflection instanceof ContainerReflection) || !reflection.groups) continue
  for (const group of reflection.groups) group.children = group.children.filter(child => !isHidden(child))
  reflection.groups = reflection.groups.filter(({ children }) => children.length > 0)
  if (reflection.children) reflection.children = reflection.children.filter(child => !isHidden(child))
}
// A module is called what its user imports, not what its file is called.
for (const module of project?.children ?? []) {
  const entry = entryPoints.find(({ source }) => [module.name, `${module.name}/index`].includes(moduleOf(source)))
  if (!entry) continue
  module.name = entry.name
  // Whether it may still change is said first.
  module.comment ??= new Comment()
  module.comment.summary.unshift({ kind: 'text', text: `${stabilityNote(entry.name)}\n\n` })
}
// What a user looks for, rather than what kind of declaration it is.
for (const module of project?.children ?? []) {
  /** @type {Map<string, import('typedoc').DeclarationReflection[]>} */
  const groups = new Map(['Locks', 'Functions', 'Options', 'Types', 'Errors'].map(title => [title, []]))
  for (const child of module.children ?? []) groups.get(groupOf(child))?.push(child)
  module.groups = Array.from(groups)
    .filter(([, children]) => children.length > 0)
    .map(([title, children]) => Object.assign(new ReflectionGroup(title, module), { children }))
}
if (project) app.validate(project)
const flawed = () => app.logger.hasErrors() || app.logger.hasWarnings()
if (project && !flawed()) await app.generateOutputs(project)
if (!project || flawed()) process.exitCode = 1

/** @param {{ name: string, kind: number }} reflection */
function groupOf({ name, kind }) {
  if (/Error(Code)?$|^DeadlockEdge$/.test(name)) return 'Errors'
  if (/Options$/.test(name)) return 'Options'
  if (kind === ReflectionKind.Class) return 'Locks'
  return kind === ReflectionKind.Function ? 'Functions' : 'Types'
}

/**
 * What the generator calls it.
 *
 * @param {string} source
 */
function moduleOf(source) {
  return source.slice(fromRoot('src/').length).replace(/\.ts$/, '')
}
