// The statements of docs/distributed/fencing.md, as they are printed there, with a holder that comes too late.

import { readFileSync } from 'node:fs'
import { PostgresLock } from 'latchkey/postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { usePostgres } from '../fixtures/postgres.js'

const server = usePostgres()
const page = readFileSync(fromRoot('docs/distributed/fencing.md'), 'utf8')
const [create, write, announce] = [...page.matchAll(/```text\n((?:create|update) [^`]*)```/g)].map(
  ([, sql]) => sql
) as [string, string, string]

let client: pg.Client
let lock: PostgresLock
beforeAll(async () => {
  client = new pg.Client({ ...server })
  await client.connect()
  await client.query(create)
  await client.query("insert into documents (id, body) values ('a', 'first')")
  lock = new PostgresLock(() => new pg.Client({ ...server }))
})
afterAll(async () => {
  await lock.close()
  await client.end()
})

const changed = async (statement: string, values: unknown[]) => (await client.query(statement, values)).rowCount
const tokenOf = () => lock.runExclusive('document a', ({ token }) => token)

test('who holds may write, more than once', async () => {
  const token = await tokenOf()
  expect(await changed(write, ['a', 'second', token])).toBe(1)
  expect(await changed(write, ['a', 'third', token])).toBe(1)
})

test('who held before is refused, once the next has written', async () => {
  const [early, late] = [await tokenOf(), await tokenOf()]
  expect(await changed(write, ['a', 'late', late])).toBe(1)
  expect(await changed(write, ['a', 'early', early])).toBe(0)
  expect((await client.query('select body from documents')).rows).toEqual([{ body: 'late' }])
})

test('who held before is refused, once the next has left its token', async () => {
  const [early, late] = [await tokenOf(), await tokenOf()]
  expect(await changed(announce, ['a', late])).toBe(1)
  expect(await changed(write, ['a', 'early', early])).toBe(0)
})
