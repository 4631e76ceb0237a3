/// <reference types="node" />
// How a TypeScript file is run: with what the user's project has, in the order in which these understand the most of it.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolveFrom } from './packages.js'

/** What the process that loads the file is started with. */
export interface Loader {
  readonly execArgv: readonly string[]
  /** A compiler to translate with, as the path of its module. */
  readonly compiler?: { readonly name: 'typescript' | 'esbuild'; readonly path: string }
  /** Whether the compiler is to translate while loading, as nothing else does. */
  readonly registers: boolean
  /** In words. */
  readonly by: string
}

/** Nothing here can run the file. The text says what could. */
export class NoTypeScript extends Error {
  override readonly name = 'NoTypeScript'
}

export const isTypeScript = (file: string): boolean => /\.[cm]?tsx?$/.test(file)

/** What a file that could not be run is helped by. */
export const HELP_FOR_TYPESCRIPT = `Any one of these helps:
  - tsx in your project, found by itself: npm install --save-dev tsx (esbuild, or typescript up to 6, do for most files)
  - Node 22.18 or later, which strips types: no enums, no paths of a tsconfig
  - compile it, and check the JavaScript that comes out`

/** @throws NoTypeScript when nothing can run it. */
export function loaderFor(file: string): Loader {
  const plain: Loader = { execArgv: [], registers: false, by: 'Node' }
  if (!isTypeScript(file)) return plain
  const { NODE_OPTIONS = '' } = process.env
  const given = [...process.execArgv, NODE_OPTIONS].join(' ')
  if (/--(import|loader|experimental-loader|require)\b|-r\b/.test(given))
    return { ...plain, by: 'the loader given to Node' }

  const tsx = resolveFrom(file, 'tsx')
  const esbuild = resolveFrom(tsx ?? file, 'esbuild') ?? resolveFrom(file, 'esbuild')
  const translator = esbuild === undefined ? {} : { compiler: { name: 'esbuild', path: esbuild } as const }
  if (tsx !== undefined)
    return { execArgv: ['--import', pathToFileURL(tsx).href], ...translator, registers: false, by: 'tsx' }
  if (esbuild !== undefined) return { execArgv: [], ...translator, registers: true, by: 'esbuild' }
  const typescript = resolveFrom(file, 'typescript')
  if (typescript !== undefined && majorOf(typescript) <= 6)
    return { execArgv: [], compiler: { name: 'typescript', path: typescript }, registers: true, by: 'typescript' }

  const can = (flag: string) => process.allowedNodeEnvironmentFlags.has(flag)
  const by = `Node ${process.versions.node}`
  // Transforming is stripping that also knows `enum` and parameter properties.
  for (const flag of ['--experimental-transform-types', '--experimental-strip-types'])
    if (can(flag)) return { execArgv: [flag, '--no-warnings'], registers: true, by }
  if ('typescript' in process.features && process.features.typescript) return { execArgv: [], registers: true, by }
  throw new NoTypeScript(
    `${file} is TypeScript, which Node ${process.versions.node} does not run by itself. ${HELP_FOR_TYPESCRIPT}`
  )
}

/** The version of the package that a file belongs to: from 7 on, TypeScript has no compiler to be called. */
function majorOf(path: string): number {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder))
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string }
      if (version !== undefined) return Number.parseInt(version, 10)
    } catch {}
  return Number.POSITIVE_INFINITY
}
