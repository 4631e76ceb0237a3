// Writes api/: every public name of every entry point with its signature, one file each, to be read in a review. What a
// caller cannot see is not in it. With --check it only says whether the files are what the built declarations give.
// Run the build first.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import ts from 'typescript'
import { entryPoints, fromRoot, manifest } from './project.js'

const FOLDER = 'api'

/** `latchkey/adapters/hub` is in api/adapters.hub.api.md. */
const fileOf = (/** @type {string} */ name) =>
  `${name === manifest.name ? name : name.slice(manifest.name.length + 1).replaceAll('/', '.')}.api.md`

/** The names of the declarations that have no effect on a caller. */
const HIDDEN = ts.ModifierFlags.Private

/**
 * The text of every file by its name.
 *
 * @param {{ name: string, types: string }[]} entries the name that a user imports, and the declarations behind it
 * @returns {Map<string, string>}
 */
export function dumpApi(entries) {
  const program = ts.createProgram(
    entries.map(({ types }) => types),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
      types: [],
      strict: true
    }
  )
  const checker = program.getTypeChecker()
  // platform.d.ts stands in for the libraries of a platform.
  const own = new Set(
    program
      .getSourceFiles()
      .filter(file => !program.isSourceFileDefaultLibrary(file) && !file.fileName.endsWith('/platform.d.ts'))
  )
  const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed })

  /** What a name stands for, wherever it is imported from. */
  const resolve = (/** @type {ts.Symbol} */ symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const exportsOf = (/** @type {string} */ types) => {
    const file = program.getSourceFile(types)
    const module = file && checker.getSymbolAtLocation(file)
    if (!module) throw new Error(`${types} is no module: run \`npm run build\` first`)
    return checker.getExportsOfModule(module).map(symbol => ({ name: symbol.name, symbol: resolve(symbol) }))
  }
  const modules = entries.map(({ name, types }) => ({ name, exports: exportsOf(types) }))
  const exported = new Set(modules.flatMap(module => module.exports.map(({ symbol }) => symbol)))

  const declarationsOf = (/** @type {ts.Symbol} */ symbol) =>
    (symbol.declarations ?? []).filter(node => own.has(node.getSourceFile()))
  const print = (/** @type {ts.Node} */ node) =>
    printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()).replace(/\b(export|declare) /g, '')

  /** @param {ts.ClassDeclaration} node */
  function printClass(node) {
    const words = [
      node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword) ? 'abstract class' : 'class'
    ]
    words.push((node.name?.text ?? 'default') + typeParametersOf(node))
    for (const { token, types } of node.heritageClauses ?? []) {
      const isBase = token === ts.SyntaxKind.ExtendsKeyword
      const named = types.filter(type => !isBase || isKnown(type.expression)).map(print)
      if (named.length > 0) words.push(isBase ? 'extends' : 'implements', named.join(', '))
    }
    return `${words.join(' ')} {\n${membersOf(node).join('\n')}\n}`
  }

  const typeParametersOf = (/** @type {ts.ClassDeclaration} */ { typeParameters }) =>
    typeParameters ? `<${typeParameters.map(print).join(', ')}>` : ''

  /** A base class that the reader of a dump can look up: one that is exported, or belongs to the language. */
  function isKnown(/** @type {ts.Node} */ node) {
    const symbol = checker.getSymbolAtLocation(node)
    return symbol !== undefined && (exported.has(resolve(symbol)) || declarationsOf(resolve(symbol)).length === 0)
  }

  /** The class, and the hidden ones that it is made of: their members are its own to whoever calls them. */
  function chainOf(/** @type {ts.ClassDeclaration} */ node) {
    const chain = [node]
    for (let at = node; ; ) {
      const base = at.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0]
      if (!base || isKnown(base.expression)) return chain
      const symbol = resolve(/** @type {ts.Symbol} */ (checker.getSymbolAtLocation(base.expression)))
      const found = symbol.declarations?.find(ts.isClassDeclaration)
      if (!found) return chain
      chain.push(found)
      at = found
    }
  }

  function membersOf(/** @type {ts.ClassDeclaration} */ node) {
    const chain = chainOf(node)
    const lines = /** @type {string[]} */ ([])
    const members = /** @type {string[]} */ ([])
    const constructors = chain.map(one => one.members.filter(ts.isConstructorDeclaration)).find(all => all.length > 0)
    for (const made of constructors ?? []) if (isSeen(made)) lines.push(print(made))
    const names = new Set()
    const type = checker.getTypeAtLocation(node)
    for (const [i, one] of chain.entries()) {
      // Of an overloaded member all declarations count, of one that a subclass overrides those of the subclass.
      const above = new Set(names)
      for (const member of one.members) {
        if (!member.name || ts.isPrivateIdentifier(member.name) || !isSeen(member)) continue
        const isStatic = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0
        const name = `${isStatic ? 'static ' : ''}${nameOf(member)}`
        if (above.has(name) || (ts.isSetAccessor(member) && names.has(name))) continue
        names.add(name)
        members.push(i > 0 && one.typeParameters && !isStatic ? inherited(type, member) : printMember(member))
      }
    }
    // By their names: which of them stands in which class of the chain is not for a caller to know.
    return [...lines, ...members.sort()]
  }

  /** `[asyncDispose]`, a constant of ours, is `[Symbol.asyncDispose]` to everybody else. @param {ts.ClassElement} member */
  function nameOf({ name }) {
    if (!name || !ts.isComputedPropertyName(name)) return name?.getText() ?? ''
    const symbol = checker.getSymbolAtLocation(name.expression)
    const constant = symbol && resolve(symbol).valueDeclaration
    const known = constant && ts.isVariableDeclaration(constant) && constant.type?.getText().match(/^typeof (.+)$/)
    return `[${known ? known[1] : name.expression.getText()}]`
  }

  const isSeen = (/** @type {ts.Declaration} */ member) => (ts.getCombinedModifierFlags(member) & HIDDEN) === 0

  /** To a caller an accessor is a property, so that a change from one to the other is none here. */
  function printMember(/** @type {ts.ClassElement} */ member) {
    const name = nameOf(member)
    if (!ts.isGetAccessor(member) && !ts.isSetAccessor(member))
      return print(member).replace(/\[[\w.]+\](?=[?(:])/, () => name)
    const { members } = /** @type {ts.ClassDeclaration} */ (member.parent)
    const isWritable = members.some(other => ts.isSetAccessor(other) && nameOf(other) === name)
    const modifiers = [...(member.modifiers ?? []).map(print), ...(isWritable ? [] : ['readonly'])]
    const type = ts.isGetAccessor(member) ? member.type : member.parameters[0]?.type
    return `${[...modifiers, name].join(' ')}: ${type ? print(type) : 'any'};`
  }

  /** A member of a hidden class with type parameters, as it is with what the subclass puts in their place. */
  function inherited(/** @type {ts.Type} */ type, /** @type {ts.ClassElement} */ member) {
    const symbol = /** @type {ts.Symbol} */ (checker.getSymbolAtLocation(/** @type {ts.Node} */ (member.name)))
    const here = type.getProperty(symbol.name) ?? symbol
    const flags = ts.NodeBuilderFlags.NoTruncation | ts.NodeBuilderFlags.UseAliasDefinedOutsideCurrentScope
    const place = /** @type {ts.Node} */ (type.symbol.declarations?.[0])
    const modifiers = ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Protected ? 'protected ' : ''
    const name = nameOf(member)
    const whole = checker.getTypeOfSymbolAtLocation(here, place)
    if (ts.isMethodDeclaration(member))
      return whole
        .getCallSignatures()
        .map(signature => `${modifiers}${name}${checker.signatureToString(signature, place, flags)};`)
        .join('\n')
    return `${modifiers}${ts.isGetAccessor(member) ? 'readonly ' : ''}${name}: ${checker.typeToString(whole, place, flags)};`
  }

  /** @param {ts.Symbol} symbol */
  function signaturesOf(symbol) {
    return declarationsOf(symbol).map(node => {
      if (ts.isClassDeclaration(node)) return printClass(node)
      if (ts.isVariableDeclaration(node)) return `const ${print(node)}`
      return print(node)
    })
  }

  /** Names in the signatures that no entry point exports, with what they in turn name. */
  function unexported(/** @type {readonly ts.Symbol[]} */ symbols) {
    const found = new Set()
    const visit = (/** @type {ts.Node} */ node) => {
      if (ts.isPrivateIdentifier(node) || (ts.isClassElement(node) && !isSeen(node))) return
      if (ts.isIdentifier(node)) {
        const symbol = checker.getSymbolAtLocation(node)
        const target = symbol && resolve(symbol)
        const isType = target && target.flags & (ts.SymbolFlags.Type & ~ts.SymbolFlags.TypeParameter)
        if (isType && !exported.has(target) && !found.has(target) && declarationsOf(target).length > 0) {
          found.add(target)
          declarationsOf(target).forEach(visit)
        }
      }
      // The base class that is hidden is not named: its members stand in its place.
      if (
        ts.isHeritageClause(node) &&
        ts.isClassDeclaration(node.parent) &&
        node.token === ts.SyntaxKind.ExtendsKeyword
      ) {
        for (const base of chainOf(node.parent).slice(1)) base.members.forEach(visit)
        for (const { typeArguments } of node.types) typeArguments?.forEach(visit)
        return
      }
      ts.forEachChild(node, visit)
    }
    for (const symbol of symbols) declarationsOf(symbol).forEach(visit)
    return [...found].map(symbol => ({ name: symbol.name, symbol }))
  }

  const byName = (/** @type {{ name: string }} */ a, /** @type {{ name: string }} */ b) => (a.name < b.name ? -1 : 1)
  const files = modules.map(({ name, exports }) => {
    const hidden = unexported(exports.map(({ symbol }) => symbol))
    const parts = [...exports.sort(byName), ...hidden.sort(byName)].map(({ name, symbol }) => ({
      name,
      hidden: !exported.has(symbol),
      code: signaturesOf(symbol).join('\n')
    }))
    return { name, parts }
  })
  const formatted = format(files.flatMap(({ parts }) => parts.map(({ code }) => code)))
  return new Map([
    ['README.md', index(entries.map(({ name }) => name))],
    ...files.map(({ name, parts }) => {
      const sections = parts.map(({ name, hidden }, i) => {
        const isFirstHidden = hidden && !parts[i - 1]?.hidden
        const note = isFirstHidden ? 'The rest is named above, and exported by no entry point.\n\n' : ''
        return `${note}## ${name}\n\n\`\`\`ts\n${formatted.shift()}\n\`\`\`\n`
      })
      return /** @type {[string, string]} */ ([fileOf(name), [`# ${name}\n`, ...sections].join('\n')])
    })
  ])
}

/** @param {string[]} names */
function index(names) {
  const links = names.map(name => `- [\`${name}\`](${fileOf(name)})`)
  return `# The public API

Every public name of every entry point with its signature. \`npm run api\` writes these files from the built declarations, and
a change of one is a change that users see. What each does stands in the doc comments of [the sources](../src), and in the
reference on the site, which is generated from them.

${links.join('\n')}
`
}

const BOUNDARY = '// ---- the next one ----'

/** By the formatter of the repository, all at once. @param {string[]} blocks */
function format(blocks) {
  // A class without bodies and an overload without an implementation only parse among declarations.
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fromRoot('node_modules/@biomejs/biome/bin/biome'), 'format', '--stdin-file-path=api.d.ts'],
    { input: blocks.map(block => `${BOUNDARY}\n${declared(block)}\n`).join(''), cwd: fromRoot('.'), encoding: 'utf8' }
  )
  if (status !== 0) throw new Error(`the formatter refuses what the declarations give:\n${stderr.slice(0, 2000)}`)
  return stdout
    .split(`${BOUNDARY}\n`)
    .slice(1)
    .map(block => block.replaceAll(/^declare /gm, '').trim())
}

/** @param {string} block */
const declared = block => block.replace(/^(?=(?:abstract class|class|function|const|enum|namespace) )/gm, 'declare ')

const entries = entryPoints.map(({ name }) => ({
  name,
  types: fromRoot(manifest.exports[name.replace(manifest.name, '.')].import.types)
}))

if (process.argv[1] === fromRoot('scripts/api.js')) {
  const folder = fromRoot(FOLDER)
  const fresh = dumpApi(entries)
  const committed = existsSync(folder) ? readdirSync(folder) : []
  const read = (/** @type {string} */ file) => readFileSync(`${folder}/${file}`, 'utf8')
  const stale = [...new Set([...committed, ...fresh.keys()])].sort().flatMap(file => {
    if (!committed.includes(file)) return `missing: ${FOLDER}/${file}`
    if (!fresh.has(file)) return `left over: ${FOLDER}/${file}`
    return read(file) === fresh.get(file) ? [] : `${FOLDER}/${file}\n${difference(read(file), fresh.get(file) ?? '')}`
  })
  if (!process.argv.includes('--check')) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
    for (const [file, text] of fresh) writeFileSync(`${folder}/${file}`, text)
  } else if (stale.length > 0) {
    console.error(`The public API is not what ${FOLDER}/ says:\n\n${stale.join('\n')}`)
    console.error('\nIf that is meant, run `npm run api`, commit the files, and tell the users in a changeset.')
    process.exitCode = 1
  }
}

/** The lines that are only in one of the two, which is enough to see what happened. @param {string} old @param {string} now */
function difference(old, now) {
  const [before, after] = [old.split('\n'), now.split('\n')]
  return [
    ...before.filter(line => !after.includes(line)).map(line => `  - ${line}`),
    ...after.filter(line => !before.includes(line)).map(line => `  + ${line}`)
  ].join('\n')
}
