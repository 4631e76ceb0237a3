// How much work the package does, as a number that is the same on every machine: how often a function of it was entered and a
// loop of it went round, and how many elements the array methods that walk or shift a whole array had before them.
//
// The code is counted by what is put into a copy of it: before each function's body, and into each loop's, `steps.n++`.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import ts from 'typescript'
import { fromRoot } from '../../scripts/project.js'

const WALKING = [
  ...(['concat', 'copyWithin', 'fill', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach'] as const),
  ...(['includes', 'indexOf', 'join', 'lastIndexOf', 'map', 'reduce', 'reverse', 'shift', 'slice', 'sort'] as const),
  ...(['some', 'every', 'splice', 'unshift'] as const)
]

const steps = { n: 0 }
const COUNTER = '__stepsOfLatchkey'
Object.assign(globalThis, { [COUNTER]: steps })

/** A copy of the package that counts its steps. */
export async function countedPackage(): Promise<typeof import('latchkey')> {
  return (await load(`export * from './src/index.js'`)) as typeof import('latchkey')
}

/** The same for any code, to see that steps are counted. */
export async function load(contents: string): Promise<Record<string, unknown>> {
  mkdirSync(fromRoot('node_modules/.cache'), { recursive: true })
  const folder = mkdtempSync(fromRoot('node_modules/.cache/latchkey-effort-'))
  try {
    const outfile = join(folder, 'counted.mjs')
    await build({
      stdin: { contents: counted(contents, 'stdin.ts'), resolveDir: fromRoot('.'), loader: 'ts' },
      bundle: true,
      format: 'esm',
      target: 'es2022',
      outfile,
      logLevel: 'error',
      plugins: [
        {
          name: 'steps',
          setup: ({ onLoad }) =>
            onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
              contents: counted(readFileSync(path, 'utf8'), path),
              loader: 'ts'
            }))
        }
      ]
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function counted(code: string, path: string): string {
  const { factory } = ts
  const count = () =>
    factory.createExpressionStatement(
      factory.createPostfixIncrement(
        factory.createPropertyAccessExpression(
          factory.createPropertyAccessExpression(factory.createIdentifier('globalThis'), COUNTER),
          'n'
        )
      )
    )
  const block = (body: ts.Statement) =>
    factory.createBlock([count(), ...(ts.isBlock(body) ? body.statements : [body])], true)
  const into = (context: ts.TransformationContext) => {
    const visit = (node: ts.Node): ts.Node => {
      const done = ts.visitEachChild(node, visit, context)
      if (ts.isForStatement(done))
        return factory.updateForStatement(
          done,
          done.initializer,
          done.condition,
          done.incrementor,
          block(done.statement)
        )
      if (ts.isForOfStatement(done))
        return factory.updateForOfStatement(
          done,
          done.awaitModifier,
          done.initializer,
          done.expression,
          block(done.statement)
        )
      if (ts.isForInStatement(done))
        return factory.updateForInStatement(done, done.initializer, done.expression, block(done.statement))
      if (ts.isWhileStatement(done)) return factory.updateWhileStatement(done, done.expression, block(done.statement))
      if (ts.isDoStatement(done)) return factory.updateDoStatement(done, block(done.statement), done.expression)
      if (ts.isArrowFunction(done) && !ts.isBlock(done.body)) {
        const body = factory.createBlock([count(), factory.createReturnStatement(done.body)], true)
        const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = done
        return factory.updateArrowFunction(
          done,
          modifiers,
          typeParameters,
          parameters,
          type,
          equalsGreaterThanToken,
          body
        )
      }
      // What calls `super` may not touch `this` before, and does not: the counter is a global.
      if (ts.isBlock(done) && ts.isFunctionLike(node.parent)) return block(done)
      return done
    }
    return (file: ts.SourceFile) => ts.visitEachChild(file, visit, context)
  }
  const file = ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true)
  const { transformed } = ts.transform(file, [into])
  return ts.createPrinter().printFile(transformed[0] as ts.SourceFile)
}

export async function effort(work: () => void | Promise<void>): Promise<number> {
  const prototype = Array.prototype as unknown as Record<string, (this: unknown[], ...args: unknown[]) => unknown>
  const originals = WALKING.map(name => [name, prototype[name]!] as const)
  let walked = 0
  for (const [name, original] of originals)
    prototype[name] = function (...args) {
      walked += this.length
      return Reflect.apply(original, this, args)
    }
  const before = steps.n
  try {
    await work()
  } finally {
    for (const [name, original] of originals) prototype[name] = original
  }
  if (steps.n === before) throw new Error('nothing that is counted has run')
  return steps.n - before + walked
}
