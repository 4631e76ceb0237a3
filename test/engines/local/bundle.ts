// The worker as one file that needs nothing beside it: for other users, other runtimes, and namespaces.

import { build } from 'esbuild'
import { entryPoints, fromRoot } from '../../../scripts/project.js'

export async function bundleTo(outfile: string, program = 'test/engines/local/worker.ts'): Promise<string> {
  await build({
    entryPoints: [fromRoot(program)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    plugins: [
      {
        name: 'sources',
        setup({ onResolve }) {
          for (const { name, source } of entryPoints)
            onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: source }))
        }
      }
    ]
  })
  return outfile
}
