/// <reference types="node" />
// Runs inside Node's loader, where the user's compiler translates TypeScript while it is loaded. Types are not checked.

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Loader } from './typescript.js'

interface Result {
  readonly format?: string | null
  readonly source?: unknown
  readonly url?: string
  readonly shortCircuit?: boolean
}
type Next = (specifier: string, context?: object) => Promise<Result>

type Translate = (code: string, file: string, format: string) => string

let translate: Translate | undefined

export function initialize(compiler: Loader['compiler']): void {
  if (compiler) translate = translatorOf(compiler)
}

/** Leaves the types out, with the compiler of the user's project. */
export function translatorOf({ name, path }: NonNullable<Loader['compiler']>): Translate {
  const compiler = createRequire(path)(path)
  if (name === 'esbuild')
    return (code, file, format) =>
      compiler.transformSync(code, {
        loader: file.endsWith('x') ? 'tsx' : 'ts',
        sourcefile: file,
        sourcemap: 'inline',
        target: 'node20',
        format: format === 'module' ? 'esm' : 'cjs'
      }).code
  return (code, fileName, format) =>
    compiler.transpileModule(code, {
      fileName,
      compilerOptions: {
        target: compiler.ScriptTarget.ES2022,
        module: format === 'module' ? compiler.ModuleKind.ESNext : compiler.ModuleKind.CommonJS,
        esModuleInterop: true,
        experimentalDecorators: true,
        inlineSourceMap: true
      }
    }).outputText
}

/** `./lock.js` may be written where `./lock.ts` is meant, and `./lock` too. */
export async function resolve(specifier: string, context: { parentURL?: string }, next: Next): Promise<Result> {
  try {
    return await next(specifier, context)
  } catch (error) {
    const isOfTypeScript = /\.[cm]?tsx?(\?|$)/.test(context.parentURL ?? '')
    if (!isOfTypeScript || !/^(\.|file:)/.test(specifier)) throw error
    const tries = /\.[cm]?js$/.test(specifier)
      ? [specifier.replace(/\.([cm]?)js$/, '.$1ts'), specifier.replace(/\.js$/, '.tsx')]
      : [`${specifier}.ts`, `${specifier}.tsx`, `${specifier}/index.ts`]
    for (const other of tries)
      try {
        return await next(other, context)
      } catch {}
    throw error
  }
}

export async function load(url: string, context: object, next: Next): Promise<Result> {
  const [path = ''] = url.split('?')
  if (!translate || !path.startsWith('file:') || !/\.[cm]?tsx?$/.test(path)) return next(url, context)
  const file = fileURLToPath(path)
  const code = await readFile(file, 'utf8')
  const isModule = !path.endsWith('.cts') && (path.endsWith('.mts') || /^\s*(import|export)\b/m.test(code))
  const format = isModule ? 'module' : 'commonjs'
  return { format, source: translate(code, file, format), shortCircuit: true }
}
