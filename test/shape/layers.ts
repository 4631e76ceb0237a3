// The layers of the source as data, and what checks a file against them. It parses: an import over several lines, in a
// type, or by a call is found, and one in a string or a comment is not.

import { posix } from 'node:path'
import ts from 'typescript'

export interface Layer {
  readonly name: string
  /** The files of this layer, as paths below src without `.ts`. */
  readonly files: RegExp
  /** What may be imported: paths below src, or names of packages. */
  readonly imports: RegExp
  /** What may be imported for its types alone. */
  readonly types?: RegExp
  /** The rule in words. */
  readonly rule: string
  /** The globals it may use beyond those of the language. `any`: those that the layer exists for. */
  readonly platform: readonly string[] | 'any'
  /** It is there to run files of the user, whose names only show when it runs. */
  readonly loadsFiles?: true
}

const TIMERS = ['setTimeout', 'clearTimeout', 'queueMicrotask']
/** Promises are part of the language. */
const CORE_PLATFORM = ['AbortSignal', ...TIMERS]
/** What is the same on Node, Bun, Deno, in browsers, workers and at the edge. */
const EVERYWHERE = [
  'AbortController',
  'performance',
  'setInterval',
  'clearInterval',
  'structuredClone',
  ...CORE_PLATFORM
]

const ownFolder = (name: string): Layer => ({
  name,
  files: new RegExp(`^${name}/`),
  imports: new RegExp(`^(${name}|core)/|^node:`),
  rule: 'core and its own folder',
  platform: 'any'
})

/** An entry file, and a folder of the same name behind it. */
const adapter = (name: string): Layer => ({
  name: 'adapters',
  files: new RegExp(`^adapters/${name}(/[\\w-]+)?$`),
  imports: new RegExp(`^(adapters/${name}/[\\w-]+$|latchkey(/(?!adapters/)|$))`),
  rule: "the package's public entry points, by their names, as a user would, and its own folder",
  platform: [...EVERYWHERE, 'crypto']
})

/** An interface of another package over ours. */
const compat: Layer = {
  name: 'compat',
  files: /^compat\/[\w-]+$/,
  imports: /^latchkey$/,
  rule: '`latchkey`, by its name, as a user would',
  platform: []
}

/** An engine stands on what all engines share, and on no other engine. */
const engine = (name: string): Layer => ({
  name: `engines/${name}`,
  files: new RegExp(`^engines/${name}/`),
  imports: new RegExp(`^(core/|engines/[\\w-]+$|engines/${name}/)|^node:`),
  rule: 'core, what all engines share, and its own folder',
  platform: 'any'
})

/** The files of core, each on those before it alone. */
export const CORE = [
  ...['errors', 'lock', 'members', 'stack', 'arguments', 'observer', 'cancellation', 'hold', 'lanes', 'waiters'],
  ...['task-batches', 'queue', 'waitable', 'waiter-queue', 'mutex', 'keyed-requests', 'keyed-mutex']
]

const coreFile = (name: string, index: number): Layer => ({
  name: `core/${name}`,
  files: new RegExp(`^core/${name}$`),
  imports: new RegExp(`^core/(${CORE.slice(0, index).join('|') || '(?!)'})$`),
  rule: ['nothing', 'core/errors'][index] ?? `core/errors to core/${CORE[index - 1]}, in that order`,
  platform: CORE_PLATFORM
})

export const LAYERS: readonly Layer[] = [
  ...CORE.map(coreFile),
  {
    name: 'primitives',
    files: /^primitives\/[\w-]+$/,
    imports: /^(core|primitives)\//,
    rule: 'core, and each other',
    platform: EVERYWHERE
  },
  {
    name: 'index',
    files: /^index$/,
    imports: /^(core|primitives)\//,
    rule: 'core and primitives, only to re-export them',
    platform: []
  },
  ...['monitor', 'context', 'threads'].map(ownFolder),
  {
    name: 'engines',
    files: /^engines\/[\w-]+$/,
    imports: /^(core\/|engines\/[\w-]+$)/,
    rule: 'core and its own folder, no engine',
    platform: 'any'
  },
  ...['postgres', 'redis', 'web'].map(engine),
  { ...engine('local'), types: /^@types\/node$/ },
  {
    name: 'testing',
    files: /^testing\//,
    imports: /^(testing\/|index$|latchkey(\/|$)|node:)/,
    types: /^(core|primitives)\//,
    rule: 'the public names, types of core and primitives, and its own folder',
    platform: 'any'
  },
  {
    name: 'cli',
    files: /^cli\//,
    imports: /^((cli|testing)\/|index$|latchkey(\/|$)|node:)/,
    types: /^@types\/node$/,
    rule: 'testing, the public names, Node, and its own folder',
    platform: 'any',
    loadsFiles: true
  },
  ...['hub', 'session-manager'].map(adapter),
  compat
]

/** What is wrong with these files, a line each. The keys are paths below src, such as `core/mutex.ts`. */
export function violations(sources: ReadonlyMap<string, string>): string[] {
  const program = programOf(sources)
  const checker = program.getTypeChecker()
  return [...sources.keys()].flatMap(path => {
    const name = path.replace(/\.ts$/, '')
    const layer = LAYERS.find(({ files }) => files.test(name))
    if (!layer) return [`src/${path} is in no layer: add it to the table in test/shape/layers.ts, or move it`]

    const file = program.getSourceFile(path)!
    const found: string[] = []
    const report = (position: number, text: string) => {
      const { line } = file.getLineAndCharacterOfPosition(position)
      found.push(`src/${path}:${line + 1} ${text}`)
    }

    for (const { specifier, typesOnly, position } of importsOf(file)) {
      const target = specifier?.startsWith('.')
        ? posix.join(posix.dirname(path), specifier).replace(/\.[jt]s$/, '')
        : specifier
      if (target === undefined) {
        if (!layer.loadsFiles) report(position, `imports what only shows when it runs; ${layer.name} imports by name`)
      } else if (!layer.imports.test(target) && !(typesOnly && layer.types?.test(target)))
        report(position, `imports ${target}; ${layer.name} may import ${layer.rule}`)
    }

    const { platform } = layer
    if (platform !== 'any') {
      const allowed = platform.join(', ') || 'none'
      for (const { global, position } of globalsOf(file, checker))
        if (!platform.includes(global))
          report(position, `uses ${global}; ${layer.name} may use of the platform: ${allowed}`)
    }

    if (layer.name === 'index')
      for (const statement of file.statements)
        if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier)
          report(statement.getStart(file), 'does something; index only re-exports')
    return found
  })
}

interface Import {
  /** Absent where it is computed. */
  readonly specifier: string | undefined
  readonly typesOnly: boolean
  readonly position: number
}

export function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node | undefined, typesOnly: boolean, position: number) => {
    const specifier = node && ts.isStringLiteralLike(node) ? node.text : undefined
    found.push({ specifier, typesOnly, position })
  }
  for (const { fileName, pos } of file.referencedFiles)
    found.push({ specifier: fileName, typesOnly: true, position: pos })
  for (const { fileName, pos } of file.typeReferenceDirectives)
    found.push({ specifier: `@types/${fileName}`, typesOnly: true, position: pos })
  // What belongs to the language may be asked for; what belongs to a platform would be visible to every check below.
  for (const { fileName, pos } of file.libReferenceDirectives)
    if (!/^es/.test(fileName)) found.push({ specifier: `lib ${fileName}`, typesOnly: true, position: pos })

  const visit = (node: ts.Node): void => {
    const start = node.getStart(file)
    if (ts.isImportDeclaration(node)) {
      const { importClause } = node
      const named = importClause?.namedBindings
      const typesOnly =
        importClause?.isTypeOnly ||
        (importClause !== undefined &&
          importClause.name === undefined &&
          named !== undefined &&
          ts.isNamedImports(named) &&
          named.elements.length > 0 &&
          named.elements.every(({ isTypeOnly }) => isTypeOnly))
      add(node.moduleSpecifier, typesOnly ?? false, start)
    } else if (ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier) add(node.moduleSpecifier, node.isTypeOnly, start)
    } else if (ts.isImportEqualsDeclaration(node)) {
      if (ts.isExternalModuleReference(node.moduleReference))
        add(node.moduleReference.expression, node.isTypeOnly, start)
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true, start)
    } else if (ts.isCallExpression(node)) {
      const called = node.expression
      if (called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require'))
        add(node.arguments[0], false, start)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

interface Use {
  readonly global: string
  readonly position: number
}

/** The names that a file uses and neither declares, imports nor has from the language. */
function globalsOf(file: ts.SourceFile, checker: ts.TypeChecker): Use[] {
  const found: Use[] = []
  const add = (global: string, node: ts.Node) => found.push({ global, position: node.getStart(file) })

  const visit = (node: ts.Node): void => {
    if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) add('import.meta', node)
    else if (isAmbient(node)) add(`a global that it declares itself: ${node.getText(file).split('\n')[0]}`, node)
    else if (ts.isIdentifier(node) && refersToVariable(node)) {
      if (node.text === 'globalThis') addMember(node)
      else if (!isKnown(node)) add(node.text, node)
    }
    ts.forEachChild(node, visit)
  }

  function isKnown(node: ts.Identifier): boolean {
    const symbol = ts.isShorthandPropertyAssignment(node.parent)
      ? checker.getShorthandAssignmentValueSymbol(node.parent)
      : checker.getSymbolAtLocation(node)
    // The checker has a symbol without a declaration for a type that it does not find.
    return symbol?.declarations !== undefined || ['undefined', 'arguments'].includes(node.text)
  }

  /** `globalThis.x` is a use of `x`; `globalThis` without a name that can be read here is a use of anything. */
  function addMember(whole: ts.Identifier): void {
    let object: ts.Node = whole
    while (isWrapper(object.parent)) object = object.parent
    const { parent } = object
    const member =
      ts.isPropertyAccessExpression(parent) && parent.expression === object
        ? parent.name.text
        : ts.isElementAccessExpression(parent) &&
            parent.expression === object &&
            ts.isStringLiteralLike(parent.argumentExpression)
          ? parent.argumentExpression.text
          : undefined
    if (member === undefined) add('globalThis as a whole', whole)
    else if (!checker.getTypeAtLocation(whole).getProperty(member)) add(member, whole)
  }

  visit(file)
  return found
}

const isWrapper = (node: ts.Node): boolean =>
  ts.isParenthesizedExpression(node) ||
  ts.isAsExpression(node) ||
  ts.isNonNullExpression(node) ||
  ts.isSatisfiesExpression(node) ||
  ts.isTypeAssertionExpression(node)

/** `declare const process: …` and the like would make any global look like the file's own. */
const isAmbient = (node: ts.Node): boolean =>
  ts.isStatement(node) &&
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)

/** Not a member's name, a label, or a part of an import or re-export. */
function refersToVariable(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isQualifiedName(parent)) return parent.left === node
  if (ts.isBindingElement(parent)) return parent.propertyName !== node
  if (ts.isNamedTupleMember(parent)) return parent.name !== node
  if (ts.isTypeReferenceNode(parent) && ts.isConstTypeReference(parent)) return false
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false
  if (ts.isImportTypeNode(parent) || ts.isImportSpecifier(parent) || ts.isMetaProperty(parent)) return false
  if (ts.isExportSpecifier(parent)) return !parent.parent.parent.moduleSpecifier
  return !ts.isNamespaceExport(parent)
}

const libraries = new Map<string, ts.SourceFile | undefined>()

/** Knows the language, and nothing of any platform. */
function programOf(sources: ReadonlyMap<string, string>): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
    strict: true,
    // Each file is looked at by itself.
    noResolve: true
  }
  const host = ts.createCompilerHost(options, true)
  const { getSourceFile, fileExists, readFile } = host
  host.getSourceFile = (name, target) => {
    const source = sources.get(name)
    if (source !== undefined) return ts.createSourceFile(name, source, target, true)
    if (!libraries.has(name)) libraries.set(name, getSourceFile.call(host, name, target))
    return libraries.get(name)
  }
  host.fileExists = name => sources.has(name) || fileExists.call(host, name)
  host.readFile = name => sources.get(name) ?? readFile.call(host, name)
  return ts.createProgram([...sources.keys()], options, host)
}
