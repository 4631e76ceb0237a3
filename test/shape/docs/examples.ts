// Takes the examples out of Markdown and doc comments, runs them, type-checks them, and holds them to what they say.
//
// An example is a fenced block, `ts` or `js`. It is a module of its own and runs in a process of its own.
// `ts no-run` is compiled and type-checked only. What an example says about itself is held against what it does:
//
//   console.log(x) // → text             what this line printed (more than once: joined by a comma and a space)
//   expression // → text                 its value, as util.inspect shows it
//   call() // throws TypeError: text     thrown at the call
//   await call() // rejects Name: text   rejected, not thrown; ending in … means: begins with
//   console.log(x) // prints: text       the same as →
//   // prints: text                      on lines of their own: all that the example prints, in this order
//
// An example that prints must say what. Every block is padded to its place in the file, so that lines are its lines.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import ts from 'typescript'
import { entryPoints, fromRoot } from '../../../scripts/project.js'
import { type Document, type Fence, readMarkdown } from './markdown.js'

export interface Example {
  file: string
  line: number
  language: 'ts' | 'js'
  run: boolean
  /** The file with everything but this example blanked out. */
  code: string
}

const otherLanguages = ['sh', 'text', 'json', 'diff']

/** A source file with everything but the text of its doc comments blanked out. */
export function docComments(source: string): string {
  let inside = false
  const lines = source.split(/\r?\n/).map(line => {
    if (!inside && /^\s*\/\*\*/.test(line)) inside = true
    const text = inside ? line.replace(/^\s*(\/\*\*|\*(?!\/)|\*\/)? ?/, '').replace(/\s*\*\/\s*$/, '') : ''
    if (/\*\/\s*$/.test(line)) inside = false
    return text
  })
  return lines.join('\n')
}

export function readExamples(file: string, text: string): { examples: Example[]; problems: string[] } {
  const source = /\.ts$/.test(file)
  const markdown = source ? docComments(text) : text
  const document = readMarkdown(file, markdown)
  const problems = [...document.problems]
  if (source) problems.push(...bareExampleTags(file, markdown))
  return { examples: examplesOf(document, problems), problems }
}

export function examplesOf({ file, fences }: Document, problems: string[]): Example[] {
  return fences.flatMap(fence => {
    const [language = '', ...flags] = fence.info
    const problem = (what: string) => void problems.push(`${file}:${fence.line - 1}: ${what}`)
    if (language !== 'ts' && language !== 'js') {
      if (fence.setup) problem('a setup comment belongs right before an example')
      if (!otherLanguages.includes(language)) {
        problem(`a fence needs one of the languages ts, js, ${otherLanguages.join(', ')}, not "${language}"`)
      }
      return []
    }
    const unknown = flags.filter(flag => flag !== 'no-run')
    if (unknown.length > 0) problem(`an example may be marked no-run, not "${unknown.join(' ')}"`)
    if (fence.code.join('').trim() === '') problem('this example is empty')
    return { file, line: fence.line, language, run: !flags.includes('no-run'), code: padded(fence) }
  })
}

function padded({ line, code, setup }: Fence): string {
  const before = setup ? '\n'.repeat(setup.line - 1) + setup.code.join('\n') : ''
  const lines = before.split('\n').length
  return `${before}${'\n'.repeat(line - lines)}${code.join('\n')}\n`
}

/** `@example` without a fence: generators show it as code, but nobody would run it. */
function bareExampleTags(file: string, markdown: string): string[] {
  const lines = markdown.split('\n')
  return lines.flatMap((line, i) => {
    if (!/^@example\b/.test(line)) return []
    for (const following of lines.slice(i + 1)) {
      if (/^(`{3,}|~{3,})/.test(following)) return []
      if (/^@\w/.test(following)) break
    }
    return `${file}:${i + 1}: an @example needs a fenced block`
  })
}

type Kind = '→' | 'throws' | 'rejects' | 'prints:'

interface Claim {
  line: number
  kind: Kind
  text: string
}

interface Seen {
  line: number
  printed: boolean
  text: string
}

/** The code with calls to the runtime where it makes a claim, and the claims. */
export function instrument({ file, language, run, code }: Example): {
  code: string
  claims: Claim[]
  problems: string[]
} {
  const kind = language === 'ts' ? ts.ScriptKind.TS : ts.ScriptKind.JS
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.ES2022, true, kind)
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
  const problems: string[] = []
  const problem = (line: number, what: string) => void problems.push(`${file}:${line}: ${what}`)

  const prints: ts.PropertyAccessExpression[] = []
  const statements: (ts.ExpressionStatement | ts.VariableStatement)[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console') prints.push(node)
    if (ts.isExpressionStatement(node) || ts.isVariableStatement(node)) statements.push(node)
    ts.forEachChild(node, visit)
  }
  visit(source)

  // Without a semicolon that stands at the start of the next line.
  const endOf = (statement: (typeof statements)[number]) =>
    ts.isExpressionStatement(statement) ? statement.expression.end : statement.declarationList.end

  const claims: Claim[] = []
  const lines = code.split('\n')
  for (const [i, text] of lines.entries()) {
    const [, before = '', kind, said = ''] = /^(.*?)\/\/ (→|throws|rejects|prints:)(?: (.*))?$/.exec(text) ?? []
    if (kind) {
      const alone = before.trim() === ''
      let at = i
      // A claim on a line of its own is about the line of code before it.
      if (kind !== 'prints:' && alone) while (at > 0 && /^\s*(\/\/.*)?$/.test(lines[at] ?? '')) at--
      claims.push({ line: at + 1, kind: kind === 'prints:' && !alone ? '→' : (kind as Kind), text: said.trim() })
      if (!run) problem(i + 1, 'nothing runs this example, so nothing holds it to this claim')
    } else if (/\/\/\s*([-=]+>|→|prints\b|outputs?\b|logs:)/.test(text)) {
      problem(i + 1, 'write a claim as `// → text`, `// throws text`, `// rejects text` or `// prints: text`')
    }
  }

  const edits: { at: number; drop: number; text: string }[] = []
  const wrap = (node: ts.Node, from: number, before: string, after: string) =>
    edits.push({ at: from, drop: node.getStart() - from, text: before }, { at: node.end, drop: 0, text: after })

  const claimed = new Map<ts.Node, number>()
  for (const { line, kind } of claims) {
    if (kind === 'prints:') continue
    const here = prints.filter(print => lineAt(print.getStart()) === line)
    // Of the statements that end on this line, the one the comment follows.
    const statement = statements.filter(s => lineAt(endOf(s)) === line).sort((a, b) => endOf(b) - endOf(a))[0]
    const call = statement && ts.isExpressionStatement(statement) ? statement.expression : undefined
    if (kind === '→' && here.length > 0) {
      for (const print of here) claimed.set(print, line)
    } else if (kind === '→' && call && ts.isCallExpression(call) && prints.some(print => print === call.expression)) {
      claimed.set(call.expression, line)
    } else if (kind === '→' && statement) {
      const declarations = ts.isVariableStatement(statement) ? statement.declarationList.declarations : []
      const value = call ?? declarations.at(-1)?.initializer
      if (value) wrap(value, value.getStart(), `__example.value(${line}, (`, '))')
      else problem(line, 'there is no value here to make a claim about')
    } else if (kind === 'throws' && call) {
      wrap(call, call.getStart(), `__example.throws(${line}, () => (`, '))')
    } else if (kind === 'rejects' && call && ts.isAwaitExpression(call)) {
      wrap(call.expression, call.getStart(), `await __example.rejects(${line}, () => (`, '))')
    } else {
      problem(line, `"${kind}" belongs behind ${kind === 'rejects' ? 'an awaited call' : 'a statement'}`)
    }
  }

  const listed = claims.some(({ kind }) => kind === 'prints:')
  for (const print of prints) {
    const line = lineAt(print.getStart())
    edits.push({ at: print.getStart(), drop: print.getWidth(), text: `__example.print(${claimed.get(print) ?? line})` })
    if (run && !listed && !claimed.has(print)) problem(line, 'this prints something: say what, with `// → text`')
  }

  edits.sort((a, b) => b.at - a.at)
  const instrumented = edits.reduce(
    (text, { at, drop, text: insertion }) => text.slice(0, at) + insertion + text.slice(at + drop),
    code
  )
  return { code: instrumented, claims, problems }
}

/** Where what was seen departs from what was claimed. */
export function lies(file: string, claims: readonly Claim[], seen: readonly Seen[]): string[] {
  const agrees = (said: string, was: string) => (said.endsWith('…') ? was.startsWith(said.slice(0, -1)) : said === was)
  const found: string[] = []
  for (const { line, kind, text } of claims) {
    if (kind === 'prints:') continue
    const here = seen.filter(entry => entry.line === line).map(entry => entry.text)
    const was = here.join(', ')
    // Of an error, the name alone will do.
    const enough = kind !== '→' && was.startsWith(`${text}: `)
    if (here.length === 0) found.push(`${file}:${line}: never reached, but claims: ${text}`)
    else if (!agrees(text, was) && !enough) found.push(`${file}:${line}: claims: ${text}\n  but it was: ${was}`)
  }
  const listed = claims.filter(({ kind }) => kind === 'prints:')
  if (listed.length > 0) {
    const printed = seen.filter(entry => entry.printed).flatMap(entry => entry.text.split('\n'))
    const wrong = listed.findIndex(({ text }, i) => i >= printed.length || !agrees(text, printed[i] ?? ''))
    if (wrong >= 0 || printed.length > listed.length) {
      found.push(`${file}:${listed.at(wrong)?.line}: what it prints is:\n  ${printed.join('\n  ')}`)
    }
  }
  return found
}

const alias = Object.fromEntries(entryPoints.map(({ name, source }) => [name, source]))
const runtime = pathToFileURL(fromRoot('test/shape/docs/example-runtime.js')).href

/**
 * Runs one example, or only compiles it. Resolves to what is wrong with it, each with file and line.
 *
 * @param folder for the compiled module, inside the project so that it finds the installed packages
 */
export async function runExample(example: Example, folder: string, timeout = 15_000): Promise<string[]> {
  const { file, line, language, run } = example
  const { code: contents, claims, problems } = instrument(example)
  if (problems.length > 0) return problems

  const outfile = join(folder, file, `${line}.mjs`)
  try {
    await build({
      // Not the name of the file itself: that of a source file is taken by the source file.
      stdin: { contents, sourcefile: `${file}!${line}`, loader: language, resolveDir: fromRoot('.') },
      outfile,
      bundle: true,
      alias,
      // Each package but our own is the installed one, found at run time.
      plugins: [
        {
          name: 'packages',
          setup({ onResolve }) {
            onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
              kind === 'entry-point' || path in alias ? null : { path, external: true }
            )
          }
        }
      ],
      format: 'esm',
      platform: 'node',
      target: 'es2022',
      sourcemap: 'inline',
      logLevel: 'silent'
    })
  } catch (error) {
    const { errors } = error as { errors: { text: string; location: { file: string; line: number } | null }[] }
    return errors.map(({ text, location }) => {
      const place = location?.file.split('!')[0] ?? file // without what was added above
      return `${place}:${location?.line ?? line}: ${text}`
    })
  }
  if (!run) return []

  const at = `${file}:${line}`
  const child = spawn(process.execPath, ['--enable-source-maps', '--import', runtime, outfile], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // What an example writes goes where the test cleans up.
    env: { ...process.env, TMPDIR: dirname(outfile) }
  })
  const guard = setTimeout(() => child.kill('SIGKILL'), timeout)
  const stderr = text(child.stdio[2] as Readable).then(stack => stack.replaceAll(`${file}!${line}`, file))
  const report = text(child.stdio[3] as Readable)
  const [code, signal] = await once(child, 'close')
  clearTimeout(guard)
  if (signal === 'SIGKILL') return [`${at}: still running after ${timeout} ms`]
  if (code === 13) return [`${at}: waits forever at a top-level await`]
  if (code !== 0) return [`${failingPlace(await stderr, file) ?? at}: fails\n${await stderr}`]
  return lies(file, claims, JSON.parse(await report) as Seen[])
}

/** The first place in this file that a stack names. */
function failingPlace(stack: string, file: string): string | undefined {
  return stack.match(new RegExp(`${file.replaceAll('.', '\\.')}:\\d+`))?.[0]
}

/** Type-checks all TypeScript among the examples with one run of the compiler. */
export async function checkTypes(examples: readonly Example[], folder: string): Promise<string[]> {
  const files = examples
    .filter(({ language }) => language === 'ts')
    .map(({ file, line, code }) => {
      const path = join(folder, file, `${line}.ts`)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, code)
      return path
    })
  const project = join(folder, 'tsconfig.json')
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  writeFileSync(
    project,
    JSON.stringify({
      extends: fromRoot('test/tsconfig.json'),
      compilerOptions: { moduleDetection: 'force', noUnusedLocals: false, noUnusedParameters: false },
      include: [],
      files
    })
  )
  const output = await new Promise<string>((resolve, reject) => {
    const args = [fromRoot('node_modules/@typescript/native/bin/tsc'), '-p', project, '--pretty', 'false']
    execFile(process.execPath, args, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error && stdout === '') reject(new Error(stderr || String(error)))
      else resolve(stdout)
    })
  })
  // …/docs/guide.md/12.ts(15,3): error …: the example at line 12 fails at line 15. What is wrong elsewhere is not our
  // business, unless the compiler could not even begin.
  return output.split('\n').flatMap(text => {
    if (/^error /.test(text)) return text
    const [, path = '', line = '', message = ''] = /^(\S.*)\((\d+),\d+\): (error .*)$/.exec(text) ?? []
    const example = examples.find(({ file, line }) => path.endsWith(`${file}/${line}.ts`))
    return example ? `${example.file}:${line}: ${message}` : []
  })
}
