// What the compiler emits as declarations, made fit for compilers and libraries other than our own: TypeScript from 4.9 on, any
// target, with and without the types of a browser or of Node.
//
// - A class with `#private` members is declared with a member `#private`, which no target below ES2015 may have. It goes, and
//   so do the members whose names are symbols of this package: the declarations then show nothing of what is inside, and the
//   classes of two copies of the package are one type.
// - `Symbol.dispose` and `Disposable` came with TypeScript 5.2, and `lib="esnext.disposable"` with them. They are declared in
//   platform.d.ts in the words of @types/node, with which they merge.
// - The map of each file, by which an editor goes from a declaration to the source, follows what moved.
// - Other names that a platform has are imported from platform.d.ts, where each is the platform's own type if there is one.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { applyEdits, shiftMappings } from './mappings.js'

/** What stands in for a type where the platform declares no global of that name. Those of the language come with a `lib`. */
const STAND_INS = {
  AbortSignal: {
    note: 'Where neither the types of a browser nor those of Node are loaded, what the package uses of a signal.',
    type: `{
  readonly aborted: boolean
  readonly reason?: any
  addEventListener(type: 'abort', listener: () => void, options?: any): void
  removeEventListener(type: 'abort', listener: () => void, options?: any): void
}`
  },
  SharedArrayBuffer: {
    note: 'Where the libraries are older than ES2017, what the package shows of shared memory.',
    type: `{ readonly byteLength: number }`
  }
}

const PLATFORM = `// What the declarations need of the platform, whatever the compiler and the libraries that it is told to use.

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol
    readonly asyncDispose: unique symbol
    readonly asyncIterator: unique symbol
  }
  interface Disposable {
    [Symbol.dispose](): void
  }
  interface AsyncDisposable {
    [Symbol.asyncDispose](): PromiseLike<void>
  }
}

${Object.entries(STAND_INS)
  .map(
    ([name, { note, type }]) =>
      `/** ${note} */\nexport type ${name} = typeof globalThis extends { ${name}: { prototype: infer T } } ? T : ${type}\n`
  )
  .join('\n')}
/** Of ES2021, to be extended. */
export declare const AggregateError: typeof globalThis extends { AggregateError: infer C }
  ? C
  : new (errors: Iterable<any>, message?: string) => Error & { errors: any[] }

/** What is asked of one that is passed in. The interface came with ES2018, and has had three parameters since TypeScript 5.6. */
export interface AsyncIterable<T> {
  [Symbol.asyncIterator](): { next(): PromiseLike<IteratorResult<T, any>> }
}
`

const REPLACED = new Set([...Object.keys(STAND_INS), 'AggregateError', 'AsyncIterable'])
const MERGED = new Set(['Disposable', 'AsyncDisposable', 'dispose', 'asyncDispose', 'asyncIterator'])

/**
 * Rewrites every declaration file in a folder.
 *
 * @param {string} folder
 */
export function makePortable(folder) {
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path =>
    path.endsWith('.d.ts')
  )) {
    const file = join(folder, path)
    const text = readFileSync(file, 'utf8')
    const from = relative(dirname(path), 'platform.js').replaceAll('\\', '/')
    const edits = portableEdits(text, from.startsWith('.') ? from : `./${from}`)
    if (edits.length === 0) continue
    writeFileSync(file, applyEdits(text, edits))
    const map = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
    writeFileSync(`${file}.map`, JSON.stringify({ ...map, mappings: shiftMappings(map.mappings, text, edits) }))
  }
  writeFileSync(join(folder, 'platform.d.ts'), PLATFORM)
}

/**
 * @param {string} text of a declaration file
 * @param {string} platform how it imports platform.d.ts
 */
export function portableText(text, platform) {
  return applyEdits(text, portableEdits(text, platform))
}

/**
 * What makes a declaration file portable: in order, none inside another.
 *
 * @param {string} text
 * @param {string} platform
 * @returns {import('./mappings.js').Edit[]}
 */
function portableEdits(text, platform) {
  const file = ts.createSourceFile('it.d.ts', text, ts.ScriptTarget.Latest, true)
  /** @type {import('./mappings.js').Edit[]} */
  const cuts = []
  const used = new Set()
  let merges = false
  const own = new Set()
  const visit = (/** @type {ts.Node} */ node) => {
    if (isInternal(node)) cuts.push({ from: node.getFullStart(), to: node.end })
    // What a class implements for this package alone cannot be seen once those members are gone.
    if (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword) {
      const kept = node.types.filter(({ expression }) => !INTERNAL_TYPES.has(expression.getText()))
      if (kept.length === 0) cuts.push({ from: node.getFullStart(), to: node.end })
      else if (kept.length < node.types.length)
        cuts.push({
          from: node.getFullStart(),
          to: node.end,
          by: ` implements ${kept.map(type => type.getText()).join(', ')}`
        })
    }
    if (ts.isIdentifier(node)) {
      if (isTypeName(node) && REPLACED.has(node.text)) used.add(node.text)
      if (MERGED.has(node.text)) merges = true
      if (isDeclared(node)) own.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  const names = [...used].filter(name => !own.has(name)).sort()
  for (const { index, 0: line } of text.matchAll(/^\/\/\/ <reference lib="es[^"]*"[^>]*>\r?\n/gm))
    cuts.push({ from: index, to: index + line.length })
  if (names.length > 0 || merges) {
    const imported = names.length > 0 ? `{ ${names.join(', ')} }` : '{}'
    cuts.push({ from: 0, to: 0, by: `import ${imported} from '${platform}';\n` })
  }
  cuts.sort((a, b) => a.from - b.from || a.to - b.to)
  return cuts.filter(
    cut => !cuts.some(other => other !== cut && other.from <= cut.from && cut.to <= other.to && cut.to > cut.from)
  )
}

/** Interfaces whose members are symbols of this package. */
const INTERNAL_TYPES = new Set(['Source', 'Grantor', 'PlaceQueue', 'AbortTarget', 'TimerTarget'])

/**
 * A member of a class or an interface that is not for users: private to the class, or named by a symbol of this package.
 *
 * @param {ts.Node} node
 */
function isInternal(node) {
  if (!ts.isClassElement(node) && !ts.isTypeElement(node)) return false
  // The constructor of a base class takes what was kept of the options: only classes of this package call it.
  if (ts.isConstructorDeclaration(node)) return node.parameters.some(({ type }) => type?.getText() === 'Settings')
  const { name } = node
  if (name === undefined) return false
  if (ts.isPrivateIdentifier(name)) return true
  if (ts.isIdentifier(name) && name.text === '__v_skip') return true
  if (ts.isComputedPropertyName(name) && ts.isIdentifier(name.expression) && name.expression.text.startsWith('$'))
    return true
  return (
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true
  )
}

const isTypeName = (/** @type {ts.Identifier} */ { parent }) =>
  ts.isTypeReferenceNode(parent) || ts.isExpressionWithTypeArguments(parent)

/** @param {ts.Identifier} node */
const isDeclared = node =>
  (ts.isTypeParameterDeclaration(node.parent) ||
    ts.isInterfaceDeclaration(node.parent) ||
    ts.isTypeAliasDeclaration(node.parent) ||
    ts.isClassDeclaration(node.parent) ||
    ts.isImportSpecifier(node.parent)) &&
  node.parent.name === node
