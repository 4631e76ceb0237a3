// What a user installs: the manifest, the built entry points, the list of published files. Needs the build.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { entryPoints, fromRoot, manifest } from '../../scripts/project.js'

const names = entryPoints.map(({ name }) => name)
const conditions = ['import', 'require'] as const
type Target = Record<(typeof conditions)[number], { types: string; default: string }>

const targets = Object.entries<string | Target>(manifest.exports).flatMap(([entry, target]) =>
  typeof target === 'string' ? [] : [{ entry, target }]
)

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: fromRoot('.'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

describe('manifest', () => {
  test.each(['dependencies', 'peerDependencies', 'optionalDependencies', 'bundledDependencies', 'bundleDependencies'])(
    'has no %s',
    kind => {
      expect(manifest).not.toHaveProperty(kind)
    }
  )

  test('tells bundlers that unused parts may go', () => {
    expect(manifest.sideEffects).toBe(false)
  })

  test('names its licence, its module kind and the Node it needs', () => {
    expect(manifest).toMatchObject({ license: 'MIT', type: 'module', engines: { node: '>=20' } })
  })

  test('exports no wildcard', () => {
    expect(JSON.stringify(manifest.exports)).not.toContain('*')
  })

  test('exports itself', () => {
    expect(manifest.exports['./package.json']).toBe('./package.json')
  })

  test.each(targets)('$entry has import and require, each with its types first', ({ target }) => {
    expect(Object.keys(target)).toEqual(conditions)
    for (const condition of conditions) expect(Object.keys(target[condition])).toEqual(['types', 'default'])
  })

  test('main, types and module repeat the root entry, for resolvers that do not read exports', () => {
    const { require, import: imported } = manifest.exports['.']
    expect({ types: manifest.types, default: manifest.main }).toEqual(require)
    expect(manifest.module).toBe(imported.default)
  })

  test('the folders of all other entries are published, and not committed, for the same resolvers', () => {
    const folders = [...new Set(targets.flatMap(({ entry }) => (entry === '.' ? [] : [entry.split('/')[1]!])))].sort()
    // The command line is a program: nothing of it is imported, so nothing leads to its sources.
    const built = ['dist', '!dist/esm/cli/*.d.ts*', 'src', '!src/cli']
    expect(manifest.files).toEqual([...built, ...folders, 'CHANGELOG.md'])
    expect(readFileSync(fromRoot('.gitignore'), 'utf8').match(/(?<=^\/).*(?=\/$)/gm)).toEqual(folders)
  })

  test('typesVersions repeats the types of every other entry, for the same resolvers', () => {
    const others = targets.filter(({ entry }) => entry !== '.')
    const paths = Object.fromEntries(others.map(({ entry, target }) => [entry.slice(2), [target.require.types]]))
    expect(manifest.typesVersions).toEqual({ '*': paths })
  })

  test('the compiler knows every entry point by its public name', () => {
    const { compilerOptions } = JSON.parse(run('node_modules/.bin/tsc', '-p', 'tsconfig.json', '--showConfig'))
    const paths = entryPoints.map(({ name, source }) => [name, [`./${source.slice(fromRoot('.').length)}`]])
    expect(compilerOptions.paths).toEqual(Object.fromEntries(paths))
  })
})

describe('build', () => {
  test.each(targets)('every target of $entry exists', ({ target }) => {
    const files = conditions.flatMap(condition => Object.values(target[condition]))
    expect(files.filter(file => !existsSync(fromRoot(file)))).toEqual([])
  })

  test.each(names)('%s gives the same names to import, to require and in the source', async name => {
    const load = `
      import { createRequire } from 'node:module'
      const imported = await import('${name}')
      const required = createRequire(process.cwd() + '/')('${name}')
      console.log(JSON.stringify({ imported: Object.keys(imported).sort(), required: Object.keys(required).sort() }))`
    const source = Object.keys(await import(name)).sort()
    expect(source).not.toEqual([])
    const built = JSON.parse(run(process.execPath, '--input-type=module', '--eval', load))
    expect(built).toEqual({ imported: source, required: source })
  })
})

describe('without exports, an entry point is found by its folder', () => {
  test.each(targets.filter(({ entry }) => entry !== '.'))('$entry', ({ entry, target }) => {
    const folder = fromRoot(entry)
    const stub = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const path = (target: string) => join(folder, target)
    expect({ types: path(stub.types), default: path(stub.main) }).toEqual({
      types: fromRoot(target.require.types),
      default: fromRoot(target.require.default)
    })
    expect(path(stub.module)).toBe(fromRoot(target.import.default))
  })
})

describe('tarball', () => {
  test('holds the build of every source file, what its declarations lead to, the documents of the root, and nothing else', () => {
    const [{ files }] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts'))
    const packed = files.map(({ path }: { path: string }) => path)

    const sources = readdirSync(fromRoot('src'), { recursive: true, encoding: 'utf8' })
    const modules = sources.filter(path => path.endsWith('.ts')).map(path => path.replaceAll('\\', '/').slice(0, -3))
    const built = modules.flatMap(module =>
      // The command line is a program, not something to import or to require.
      module.startsWith('cli/')
        ? [`dist/esm/${module}.js`]
        : [
            `src/${module}.ts`,
            ...['esm', 'cjs'].flatMap(half => ['js', 'd.ts', 'd.ts.map'].map(type => `dist/${half}/${module}.${type}`))
          ]
    )
    // What the declarations need of the platform has no code.
    built.push('dist/esm/platform.d.ts', 'dist/cjs/platform.d.ts')
    // A manifest for each entry, for resolvers that do not read exports.
    built.push(...targets.flatMap(({ entry }) => (entry === '.' ? [] : [`${entry.slice(2)}/package.json`])))
    const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'dist/cjs/package.json']
    expect(packed.sort()).toEqual([...documents, ...built].sort())
  })
})

describe('lock file', () => {
  test('names no registry: only the folders here whose dependencies it holds', () => {
    const lock: { packages: Record<string, { resolved?: string }> } = JSON.parse(
      readFileSync(fromRoot('package-lock.json'), 'utf8')
    )
    const places = Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? [])
    expect(places.sort()).toEqual(['bench/peers', 'site'])
  })
})
