// "Go to definition": whether every name in the published declarations leads to its place in a published source.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { decode } from './mappings.js'

/**
 * What leads nowhere or astray: a line each. The folder is that of the package, in a repository or installed.
 *
 * @param {string} root
 * @returns {{ checked: number, stray: string[] }}
 */
export function checkDefinitions(root) {
  const stray = []
  let checked = 0
  for (const path of readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
    // What the declarations need of the platform is written by the build, and has no source.
    if (!path.endsWith('.d.ts') || path.endsWith('platform.d.ts')) continue
    const file = join(root, 'dist', path)
    if (!existsSync(`${file}.map`)) {
      stray.push(`dist/${path} has no map`)
      continue
    }
    const { sources, mappings } = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
    const lines = decode(mappings)
    const texts = sources.map((/** @type {string} */ source) => linesOf(join(dirname(file), source)))
    for (const { name, line, column } of namesIn(file)) {
      checked++
      const segment = lines[line]?.find(segment => segment.column === column)
      const text = segment && texts[segment.source]?.[segment.line]
      if (!segment) stray.push(`dist/${path}:${line + 1} ${name} is not in the map`)
      else if (text === undefined) stray.push(`dist/${path}: ${sources[segment.source]} is not published`)
      else if (!text.startsWith(name, segment.at))
        stray.push(`dist/${path}:${line + 1} ${name} leads to: ${text.trim()}`)
    }
  }
  return { checked, stray }
}

/** @param {string} file */
const linesOf = file => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : undefined)

const isDeclaration = (/** @type {ts.Node} */ node) =>
  ts.isClassDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isFunctionDeclaration(node) ||
  ts.isVariableDeclaration(node)

/** Of a class or an interface, not of a type that the compiler inferred and wrote out. */
const isMember = (/** @type {ts.Node} */ node) =>
  (ts.isClassElement(node) || ts.isTypeElement(node)) &&
  (ts.isClassLike(node.parent) || ts.isInterfaceDeclaration(node.parent)) &&
  node.name !== undefined &&
  ts.isIdentifier(node.name)

/** The names that a declaration file declares, members included, with their places. @param {string} file */
function namesIn(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  /** @type {{ name: string, line: number, column: number }[]} */
  const names = []
  const visit = (/** @type {ts.Node} */ node) => {
    const declared = isDeclaration(node) || isMember(node) ? /** @type {ts.NamedDeclaration} */ (node).name : undefined
    if (declared) {
      const { line, character } = source.getLineAndCharacterOfPosition(declared.getStart(source))
      names.push({ name: declared.getText(source), line, column: character })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}
