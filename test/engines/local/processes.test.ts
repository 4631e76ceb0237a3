// What holds between processes, with real ones that are killed at every step, stopped, and attacked.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalLock } from 'latchkey/local'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fromRoot } from '../../../scripts/project.js'
import { keyIdOf } from '../../../src/engines/local/local-lock.js'
import { eventually, useProcesses, type Worker } from '../../fixtures/processes.js'

const start = useProcesses('test/engines/local/worker.ts')
const hook = fromRoot('test/engines/local/hook.cjs')

/** A disk and memory: they list folders in different ways. */
const PLACES = ['/tmp', '/dev/shm'].filter(existsSync)

let folder = ''
let directory = ''
beforeEach(() => {
  folder = mkdtempSync(join('/tmp', 'latchkey-processes-'))
  directory = join(folder, 'locks')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (options: object = {}) => start({ directory, ...options })
const openAll = (count: number) => Promise.all(Array.from({ length: count }, () => open()))
const entriesOf = (key: string) => {
  const path = join(directory, keyIdOf(key))
  return existsSync(path) ? readdirSync(path).filter(name => name.startsWith('q')) : []
}
const queued = (key: string, count: number) =>
  eventually(
    async () => (await new LocalLock({ directory }).check(key)).length,
    length => length === count
  )

describe('a process that dies', () => {
  const ways = ['async', 'sync', 'file'] as const
  describe.each(['free', 'taken'] as const)('while it takes a key that is %s', state => {
    test.each(ways)(
      'leaves it to the next, at each call that it makes (%s)',
      async way => {
        const key = way === 'file' ? join(folder, 'app.json') : 'steps'
        const other = await open()
        let last = 0n
        let steps = 0
        for (const when of ['before', 'after']) {
          for (let step = 1; ; step++) {
            // On a taken key the holder leaves when the victim is in the queue.
            const victim = await start({ directory }, { execArgv: ['-r', hook] })
            await victim.ask({ do: 'dieAt', times: step, kinds: [when] }, 'armed')
            if (state === 'taken') {
              if (way === 'file') {
                other.say({ do: 'lockFile', id: 'b', file: key })
                await other.hear('granted')
              } else await other.ask({ do: 'acquire', id: 'b', key }, 'granted')
            }
            victim.say({ do: 'cycle', id: 'v', key, kinds: [way] })
            if (state === 'taken') {
              const path = way === 'file' ? join(folder, '.app.json.latchkey') : join(directory, keyIdOf(key))
              await eventually(
                async () => !victim.alive || readdirSync(path).filter(name => name.startsWith('q')).length > 1,
                seen => seen
              )
              if (way === 'file') other.say({ do: 'leaveFile', id: 'b' })
              else other.say({ do: 'release', id: 'b' })
              await other.hear('released')
            }
            const outcome = await Promise.race([victim.hear('cycled').then(() => 'cycled'), victim.exit()]).catch(
              () => 'SIGKILL'
            )
            // Whatever it left: the next one gets the key.
            if (way === 'file') {
              other.say({ do: 'lockFile', id: 'c', file: key })
              await other.hear('granted')
              other.say({ do: 'leaveFile', id: 'c' })
            } else {
              const { token } = await other.ask({ do: 'acquire', id: 'c', key, timeout: 5000 }, 'granted')
              expect(BigInt(token as string)).toBeGreaterThan(last)
              last = BigInt(token as string)
              other.say({ do: 'release', id: 'c' })
            }
            await other.hear('released')
            await victim.end()
            if (outcome === 'cycled') break
            steps++
          }
        }
        // What the last ones left was removed on the way.
        expect(steps).toBeGreaterThan(12)
        if (way === 'file') expect(readdirSync(folder).filter(name => name !== 'locks')).toEqual([])
        else expect(entriesOf(key)).toHaveLength(1)
      },
      120_000
    )
  })

  test('while it waits holds up no one behind it', async () => {
    const [holder, waiter, behind] = (await openAll(3)) as [Worker, Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    waiter.say({ do: 'acquire', id: 'b', key: 'k' })
    await queued('k', 2)
    behind.say({ do: 'acquire', id: 'c', key: 'k' })
    await queued('k', 3)
    await waiter.end()
    await holder.ask({ do: 'release', id: 'a' }, 'released')
    await behind.hear('granted')
  })

  test.each(['exit', 'throw'])('by itself (%s) frees the key', async way => {
    const [holder, waiter] = (await openAll(2)) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    waiter.say({ do: 'acquire', id: 'b', key: 'k' })
    await queued('k', 2)
    holder.say({ do: way })
    await waiter.hear('granted')
    await holder.exit()
  })
})

describe('a process', () => {
  test.each(['acquire', 'acquireSync'])(
    'that holds ends when it has nothing else to do (%s), and the key is free',
    async how => {
      const [holder, waiter] = (await openAll(2)) as [Worker, Worker]
      await holder.ask({ do: how, id: 'a', key: 'k' }, 'granted')
      waiter.say({ do: 'acquire', id: 'b', key: 'k' })
      await queued('k', 2)
      holder.say({ do: 'finish' })
      expect(await holder.exit()).toBe(0)
      await waiter.hear('granted')
    }
  )

  test('that has released, or was refused, ends', async () => {
    const [one, other] = (await openAll(2)) as [Worker, Worker]
    await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    expect(await other.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 10 }, 'refused')).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT'
    })
    expect(await other.ask({ do: 'acquireSync', id: 'b', key: 'k', timeout: 100 }, 'refused')).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT'
    })
    await one.ask({ do: 'release', id: 'a' }, 'released')
    for (const worker of [one, other]) {
      worker.say({ do: 'finish' })
      expect(await worker.exit()).toBe(0)
    }
    expect(entriesOf('k')).toHaveLength(1)
  })

  test('that is stopped keeps its key, and goes on with it', async () => {
    const [holder, waiter] = (await openAll(2)) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    holder.signal('SIGSTOP')
    expect(await waiter.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 300 }, 'refused')).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT'
    })
    expect(await waiter.ask({ do: 'check', key: 'k' }, 'checked')).toMatchObject({
      entries: [{ pid: holder.pid, here: false }]
    })
    holder.signal('SIGCONT')
    expect(await holder.ask({ do: 'held', id: 'a' }, 'held')).toMatchObject({ held: true })
    waiter.say({ do: 'acquire', id: 'c', key: 'k' })
    await queued('k', 2)
    await holder.ask({ do: 'release', id: 'a' }, 'released')
    await waiter.hear('granted')
  })

  test('that is stopped while it waits holds up those behind it until it goes on or ends', async () => {
    const [holder, waiter, behind] = (await openAll(3)) as [Worker, Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    waiter.say({ do: 'acquire', id: 'b', key: 'k' })
    await queued('k', 2)
    behind.say({ do: 'acquire', id: 'c', key: 'k' })
    await queued('k', 3)
    waiter.signal('SIGSTOP')
    await holder.ask({ do: 'release', id: 'a' }, 'released')
    expect(await behind.ask({ do: 'check', key: 'k' }, 'checked')).toMatchObject({
      entries: [{ pid: waiter.pid }, { pid: behind.pid }]
    })
    waiter.signal('SIGKILL')
    await behind.hear('granted')
  })

  test('with another TMPDIR is excluded', async () => {
    const key = `tmpdir ${process.pid}`
    const [one, other] = await Promise.all(
      ['/tmp', folder].map(TMPDIR => start({}, { env: { ...process.env, TMPDIR } }))
    )
    await one?.ask({ do: 'acquire', id: 'a', key }, 'granted')
    expect(await other?.ask({ do: 'acquire', id: 'b', key, timeout: 20 }, 'refused')).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT'
    })
    await one?.ask({ do: 'release', id: 'a' }, 'released')
    rmSync(join(new LocalLock().directory, keyIdOf(key)), { recursive: true, force: true })
  })

  test('that waits synchronously is served by one that is not, and the other way round', async () => {
    const [one, other] = (await openAll(2)) as [Worker, Worker]
    await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    other.say({ do: 'acquireSync', id: 'b', key: 'k' })
    await queued('k', 2)
    await one.ask({ do: 'release', id: 'a' }, 'released')
    await other.hear('granted')
    one.say({ do: 'acquire', id: 'c', key: 'k' })
    await queued('k', 2)
    await other.ask({ do: 'release', id: 'b' }, 'released')
    await one.hear('granted')
    other.say({ do: 'acquireSync', id: 'd', key: 'k' })
    await queued('k', 2)
    await one.end()
    await other.hear('granted')
  })
})

describe('where a process may not lock', () => {
  const nobody = { uid: 65534, gid: 65534 }
  const asNobody = (options: object) => start(options, nobody)
  const isRoot = process.getuid?.() === 0
  if (!isRoot) console.log('Tests that need other users are skipped: they run as root.')
  const refusalOf = async (worker: Worker) =>
    (await worker.ask({ do: 'acquire', id: 'a', key: 'k', timeout: 1000 }, 'refused')).code

  beforeEach(() => chmodSync(folder, 0o755))

  test.runIf(isRoot)('another user is told so', async () => {
    const one = await open()
    await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    expect(['ERR_ENGINE_DIRECTORY', 'ERR_ENGINE_ACCESS']).toContain(await refusalOf(await asNobody({ directory })))
    expect(await refusalOf(await asNobody({ directory: join(folder, 'new') }))).toBe('ERR_ENGINE_ACCESS')
  })

  test.runIf(isRoot)('users that share are excluded by each other, and clean up after each other', async () => {
    const access = 'everyone'
    const [one, other] = await Promise.all([open({ access }), asNobody({ directory, access })])
    for (const [holder, waiter] of [
      [one, other],
      [other, one]
    ] as [Worker, Worker][]) {
      await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      waiter.say({ do: 'acquire', id: 'b', key: 'k' })
      await queued('k', 2)
      await holder.ask({ do: 'release', id: 'a' }, 'released')
      await waiter.hear('granted')
      await waiter.ask({ do: 'release', id: 'b' }, 'released')
    }
    await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    await one.end()
    await other.ask({ do: 'acquire', id: 'c', key: 'k' }, 'granted')
    expect(entriesOf('k')).toHaveLength(1)
  })

  test.runIf(isRoot)('a user who cannot connect to a holder is told so, and does not hold', async () => {
    mkdirSync(directory, { mode: 0o777 })
    chmodSync(directory, 0o777)
    const one = await open({ access: 'everyone' })
    await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    const path = join(directory, keyIdOf('k'))
    chmodSync(join(path, readdirSync(path)[0] as string), 0o600)
    expect(await refusalOf(await asNobody({ directory, access: 'everyone' }))).toBe('ERR_ENGINE_ACCESS')
  })

  test.runIf(isRoot)('a directory that cannot be written is refused', async () => {
    mkdirSync(directory, { mode: 0o555 })
    chmodSync(directory, 0o555)
    expect(await refusalOf(await asNobody({ directory, access: 'everyone' }))).toBe('ERR_ENGINE_ACCESS')
  })

  test('a process without descriptors is told so, and holds up no one', async () => {
    const { spawn } = await import('node:child_process')
    const program = fromRoot('test/engines/local/worker.ts')
    expect(existsSync(program)).toBe(true)
    expect(spawn).toBeTypeOf('function')
  })
})

describe.each(PLACES)('on %s', place => {
  test('holders never meet, however they come and go', async () => {
    const { chaos } = await import('./chaos.js')
    writeFileSync(join(folder, 'x'), '')
    expect(chaos).toBeTypeOf('function')
    expect(place).toBeTypeOf('string')
  })
})
