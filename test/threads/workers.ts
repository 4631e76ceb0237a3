// Real threads for the tests: worker.ts, bundled, so that no loader is needed in them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import type { SharedMutex } from 'latchkey/threads'
import { entryPoints, fromRoot } from '../../scripts/project.js'
import type { Command } from './worker.js'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-threads-'))
export const cleanUp = () => rmSync(folder, { recursive: true, force: true })

/** Bundles a file of this folder, with the sources. */
export async function bundled(file: string): Promise<string> {
  const outfile = join(folder, `${file}.mjs`)
  await build({
    entryPoints: [fromRoot(`test/threads/${file}.ts`)],
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

export interface Thread {
  readonly worker: Worker
  readonly number: number
  /** Resolves to what the command came to. */
  call(command: Command): Promise<unknown>
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>
}

/** Starts a thread, attached to the mutex. */
export async function start(
  program: string,
  mutex: SharedMutex,
  cells: Int32Array,
  { watched = true } = {}
): Promise<Thread> {
  const worker = new Worker(program, { workerData: { handle: mutex.handle, cells, program } })
  if (watched) mutex.watch(worker)
  const answers = new Map<number, (value: unknown) => void>()
  const ended = new Promise(resolve => worker.once('exit', resolve))
  let count = 0
  const number = await new Promise<number>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('message', ([id, value]: [number, unknown]) => {
      if (id === -1) resolve(value as number)
      else answers.get(id)?.(value)
    })
  })
  return {
    worker,
    number,
    ended,
    call: command =>
      new Promise(resolve => {
        answers.set(count, resolve)
        worker.postMessage([count++, command])
      })
  }
}

/** Waits until it is so, at most ten seconds. */
export async function until(is: () => boolean, what: string): Promise<void> {
  for (let left = 2000; !is(); left--) {
    if (left === 0) throw new Error(`not so within ten seconds: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
