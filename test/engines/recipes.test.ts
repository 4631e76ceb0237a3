// The recipes for a fleet, as they stand in the docs, over real engines: where they make an `InProcessLock`, they are given a
// lock on a server.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import * as distributed from 'latchkey/distributed'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { usePostgres } from '../fixtures/postgres.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

interface Recipe {
  readonly name: string
  readonly code: string
}

/** The examples of a page that run, with the heading that they stand under. */
function recipesOf(page: string): Recipe[] {
  const text = readFileSync(fromRoot(`docs/recipes/${page}`), 'utf8')
  const found: Recipe[] = []
  for (const section of text.split(/^## /m).slice(1))
    for (const [, code = ''] of section.matchAll(/```ts\n(.*?)```/gs))
      if (code.includes('new InProcessLock')) found.push({ name: section.split('\n')[0] as string, code })
  return found
}

const recipes = [...recipesOf('fleet.md'), ...recipesOf('config-file-and-cron.md')]

let folder = ''
beforeAll(() => {
  mkdirSync(fromRoot('node_modules/.cache'), { recursive: true })
  folder = mkdtempSync(fromRoot('node_modules/.cache/latchkey-recipes-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Open = (options?: distributed.DistributedOptions) => distributed.DistributedLock

async function run({ name, code }: Recipe, open: Open): Promise<void> {
  // What the example claims to print, in the order of the lines.
  const claims = [...code.matchAll(/console\.log\(.*\) \/\/ → (.*)$/gm)].map(([, text]) => text)
  expect(claims.length).toBeGreaterThan(0)
  const global = globalThis as { recipes?: unknown }
  global.recipes = { ...distributed, InProcessLock: open }
  const { code: script } = await transform(code, { loader: 'ts', format: 'esm', target: 'node20' })
  const own = script
    .replace(/import \{([^}]*)\} from "latchkey\/distributed";/, 'const {$1} = globalThis.recipes;')
    .replaceAll('new InProcessLock(', 'InProcessLock(')
  expect(own).toContain('globalThis.recipes')
  const file = join(folder, `${name.replace(/\W+/g, '-')}-${Math.random().toString(36).slice(2)}.mjs`)
  writeFileSync(file, own)
  const printed: string[] = []
  const { inspect } = await import('node:util')
  const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
    printed.push(values.map(value => (typeof value === 'string' ? value : inspect(value))).join(' '))
  })
  try {
    await import(/* @vite-ignore */ pathToFileURL(file).href)
  } finally {
    log.mockRestore()
  }
  expect(printed).toEqual(claims)
}

test('there is one for each task', () => {
  expect(recipes.map(({ name }) => name)).toEqual([
    'One instance of a program',
    'Jobs of a tenant, two at a time',
    'Refreshing one token for a fleet',
    'Migrating a schema once',
    'A cache filled once',
    'A cron job on three machines'
  ])
})

describe('on PostgreSQL', () => {
  const server = usePostgres()
  const opened: PostgresLock[] = []
  afterAll(() => Promise.all(opened.map(lock => lock.close())))
  test.each(recipes)('$name', async recipe => {
    await run(recipe, options => {
      const lock = new PostgresLock(() => new pg.Client({ ...server }), options)
      opened.push(lock)
      return lock
    })
  })
})

describeRedis('on Redis', () => {
  const server = useRedis()
  const clients: { quit(): Promise<unknown> }[] = []
  afterAll(() => Promise.all(clients.map(client => client.quit())))
  test.each(recipes)('$name', async recipe => {
    await run(recipe, options => {
      const [client, subscriber] = [server.connect(), server.connect()]
      clients.push(client, subscriber)
      return new RedisLock(client, { subscriber, ...options })
    })
  })
})
