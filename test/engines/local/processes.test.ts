// What holds between processes, with real ones that are killed at every step, stopped, and attacked.

import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalLock } from 'latchkey/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fromRoot } from '../../../scripts/project.js'
import { keyIdOf } from '../../../src/engines/local/local-lock.js'
import { eventually, useProcesses, Worker } from '../../fixtures/processes.js'
import { bundleTo } from './bundle.js'
import { type ChaosOptions, chaos, unprivileged } from './chaos.js'

const start = useProcesses('test/engines/local/worker.ts')
/** The same worker as one file that other users and other namespaces can run. */
let shared = ''
let worker = ''
beforeAll(async () => {
  shared = mkdtempSync(join('/tmp', 'latchkey-worker-'))
  chmodSync(shared, 0o755)
  worker = await bundleTo(join(shared, 'worker.mjs'))
})
afterAll(() => rmSync(shared, { recursive: true, force: true }))
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
const queued = (key: string, count: number, access: 'private' | 'everyone' = 'private') =>
  eventually(
    async () => (await new LocalLock({ directory, access }).check(key)).length,
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
        for (let step = 1; ; step++) {
          // On a taken key the holder leaves when the victim is in the queue.
          const victim = await start({ directory }, { execArgv: ['-r', hook] })
          await victim.ask({ do: 'dieAt', times: step, kinds: ['before'] }, 'armed')
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
        // What the last ones left was removed on the way.
        expect(steps).toBeGreaterThan(6)
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
  const started: Worker[] = []
  const asNobody = async (options: object, hook?: string) => {
    const execArgv: string[] = []
    if (hook !== undefined) {
      const file = join(shared, 'hook.cjs')
      writeFileSync(file, hook)
      execArgv.push('-r', file)
    }
    const process = new Worker(worker, options, { ...unprivileged, execArgv })
    started.push(process)
    await process.hear('ready')
    return process
  }
  afterEach(() => Promise.all(started.splice(0).map(process => process.end())))
  const isRoot = unprivileged !== undefined
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
      await queued('k', 2, access)
      await holder.ask({ do: 'release', id: 'a' }, 'released')
      await waiter.hear('granted')
      await waiter.ask({ do: 'release', id: 'b' }, 'released')
    }
    await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    await one.end()
    await other.ask({ do: 'acquire', id: 'c', key: 'k' }, 'granted')
    expect(entriesOf('k')).toHaveLength(1)
  })

  /** Takes the rights from the socket that is connected to, as its owner does before it closes it. */
  const leaving = `
    const { chmodSync } = require('node:fs')
    const { Socket } = require('node:net')
    const { connect } = Socket.prototype
    globalThis.met = 0
    Socket.prototype.connect = function (...parameters) {
      const { path } = [parameters].flat(2).find(it => it?.path)
      if (globalThis.met++ === 0) chmodSync(path, 0)
      return connect.apply(this, parameters)
    }`
  /** Makes the folder of a key without its rights, and gives it its rights after it was used, as another user does. */
  const making = `
    const fs = require('node:fs')
    const { dirname } = require('node:path')
    const { Server } = require('node:net')
    const { listen } = Server.prototype
    globalThis.met = 0
    Server.prototype.listen = function (...parameters) {
      if (globalThis.met++ === 0) fs.mkdirSync(dirname(parameters[0].path), { mode: 0o555 })
      return listen.apply(this, parameters)
    }
    const { writeFileSync } = fs
    fs.writeFileSync = (path, ...more) => {
      try {
        writeFileSync(path, ...more)
      } finally {
        fs.lstatSync = lstatOnce
        require('node:module').syncBuiltinESMExports()
      }
    }
    const { lstatSync } = fs
    // Seen once as it is: then the other user goes on.
    const lstatOnce = (path, ...more) => {
      const stat = lstatSync(path, ...more)
      if (stat?.isDirectory() && (stat.mode & 0o777) === 0o555) fs.chmodSync(path, 0o777)
      return stat
    }
    require('node:module').syncBuiltinESMExports()`

  // A holder that leaves takes the rights from its socket, and closes it: root alone may connect between the two.
  test.runIf(isRoot).each([
    ['acquire', 'granted'],
    ['tryAcquire', 'granted'],
    ['check', 'checked']
  ])('a holder that leaves while %s connects to it has left', async (how, event) => {
    mkdirSync(directory, { mode: 0o777 })
    chmodSync(directory, 0o777)
    const holder = await asNobody({ directory, access: 'everyone' })
    const other = await asNobody({ directory, access: 'everyone' }, leaving)
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    const told = await other.ask({ do: how, id: 'b', key: 'k', timeout: 5000 }, event)
    if (how === 'check') expect(told.entries).toEqual([])
    expect(await other.ask({ do: 'met' }, 'met')).toMatchObject({ met: 1 })
  })

  test.runIf(isRoot)('a folder that another user is just making is waited for', async () => {
    mkdirSync(directory, { mode: 0o777 })
    chmodSync(directory, 0o777)
    const user = await asNobody({ directory, access: 'everyone' }, making)
    await user.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    expect(await user.ask({ do: 'met' }, 'met')).toMatchObject({ met: 2 })
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

  test('a process without descriptors is told so, and neither holds nor stands in the way', async () => {
    const few = await start({ directory }, { execArgv: [] })
    const one = await open()
    // Enough for a socket, and not for a connection; for a folder, and not for a socket; for nothing.
    for (const left of [2, 1, 0]) {
      await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      await few.ask({ do: 'exhaust', times: left }, 'exhausted')
      expect(await few.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 2000 }, 'refused')).toMatchObject({
        code: 'ERR_ENGINE_TOO_MANY_FILES'
      })
      await few.ask({ do: 'restore' }, 'restored')
      await one.ask({ do: 'release', id: 'a' }, 'released')
      await few.ask({ do: 'acquire', id: 'c', key: 'k' }, 'granted')
      await few.ask({ do: 'release', id: 'c' }, 'released')
    }
    expect(entriesOf('k')).toHaveLength(1)
  })

  test('a holder without descriptors closes what it accepts, and keeps its key', async () => {
    const [holder, waiter] = (await openAll(2)) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    await holder.ask({ do: 'exhaust', times: 0 }, 'exhausted')
    expect(await waiter.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 500 }, 'refused')).toMatchObject({
      code: 'ERR_LOCK_TIMEOUT'
    })
    waiter.say({ do: 'acquire', id: 'c', key: 'k' })
    await queued('k', 2)
    await holder.ask({ do: 'release', id: 'a' }, 'released')
    await waiter.hear('granted')
  })
})

describe('what a process starts', () => {
  test('does not inherit its key', async () => {
    const [holder, waiter] = (await openAll(2)) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    const { pid } = await holder.ask({ do: 'spawn' }, 'spawned')
    try {
      await holder.end()
      await waiter.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 5000 }, 'granted')
    } finally {
      process.kill(pid as number, 'SIGKILL')
    }
  })

  test.each(['ends', 'is terminated'])('as a thread that %s frees its key, for all ways to wait', async how => {
    const [one, other] = (await openAll(2)) as [Worker, Worker]
    for (const [waiter, way] of [
      [one, 'acquire'],
      [other, 'acquire'],
      [one, 'acquireSync'],
      [other, 'acquireSync']
    ] as const) {
      one.say({ do: 'thread', id: 't', key: 'k', kinds: [how] })
      await one.hear('granted')
      if (how === 'is terminated') {
        if (waiter === other) {
          waiter.say({ do: way, id: 'a', key: 'k' })
          await queued('k', 2)
        }
        await one.ask({ do: 'endThread', id: 't' }, 'ended')
      }
      if (waiter === one || how === 'ends') waiter.say({ do: way, id: 'a', key: 'k', timeout: 10_000 })
      await waiter.hear('granted')
      await waiter.ask({ do: 'release', id: 'a' }, 'released')
    }
  })

  test('in a cluster is excluded and freed like others', async () => {
    const program = join(folder, 'cluster.mjs')
    writeFileSync(
      program,
      `import cluster from 'node:cluster'
      if (cluster.isPrimary) {
        cluster.setupPrimary({ exec: ${JSON.stringify(worker)}, args: process.argv.slice(2), stdio: ['pipe', 'inherit', 'inherit', 'ipc'] })
        const child = cluster.fork()
        process.stdin.pipe(child.process.stdin)
        child.on('exit', () => console.log(JSON.stringify({ event: 'left' })))
      }`
    )
    const clustered = new Worker(program, { directory })
    const waiter = await open()
    try {
      await clustered.hear('ready')
      const key = 'k'
      await clustered.ask({ do: 'acquire', id: 'a', key }, 'granted')
      expect(await waiter.ask({ do: 'acquire', id: 'b', key, timeout: 20 }, 'refused')).toMatchObject({
        code: 'ERR_LOCK_TIMEOUT'
      })
      waiter.say({ do: 'acquire', id: 'c', key })
      await queued(key, 2)
      // The worker ends; its primary process lives on.
      clustered.say({ do: 'exit' })
      await waiter.hear('granted')
      expect(clustered.alive).toBe(true)
    } finally {
      await clustered.end()
    }
  })
})

describe('namespaces', () => {
  /** Runs a command in namespaces of its own; undefined where that is not allowed. */
  const unshare = (...flags: string[]) => spawnSync('unshare', [...flags, 'true']).status === 0
  const canPid = unshare('-pf', '--mount-proc')
  const canMount = unshare('-m')
  if (!canPid || !canMount) console.log('Tests in namespaces of their own are skipped: they need root and unshare.')
  const inside = (flags: string[], script = 'exec "$@"') => {
    const program = join(folder, `inside-${randomUUID()}.mjs`)
    writeFileSync(
      program,
      `import { spawn } from 'node:child_process'
      const child = spawn('unshare', [...${JSON.stringify(flags)}, 'sh', '-c', ${JSON.stringify(script)}, 'sh', process.execPath, ${JSON.stringify(worker)}, process.argv[2]], { stdio: 'inherit' })
      child.on('exit', code => process.exit(code ?? 1))
      process.on('SIGTERM', () => child.kill('SIGKILL'))`
    )
    return program
  }

  test.runIf(canPid)('containers that share a directory exclude each other, and see who is dead', async () => {
    const boxed = new Worker(inside(['-pf', '--kill-child', '--mount-proc']), { directory })
    const outside = await open()
    try {
      await boxed.hear('ready')
      await boxed.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      expect(await outside.ask({ do: 'acquireSync', id: 'b', key: 'k', timeout: 300 }, 'refused')).toMatchObject({
        code: 'ERR_LOCK_TIMEOUT'
      })
      outside.say({ do: 'acquireSync', id: 'c', key: 'k' })
      await queued('k', 2)
      boxed.signal('SIGTERM')
      await outside.hear('granted')
      await outside.ask({ do: 'release', id: 'c' }, 'released')
    } finally {
      await boxed.end()
    }
  })

  test.runIf(canMount)('a file system that is full or read-only refuses with what to do', async () => {
    const at = join(folder, 'full')
    mkdirSync(at)
    const script = `mount -t tmpfs -o nr_inodes=3,mode=700 none ${at} && exec "$@"`
    const full = new Worker(inside(['-m'], script), { directory: join(at, 'locks') })
    const readOnly = new Worker(inside(['-m'], `mount -t tmpfs -o ro none ${at} && exec "$@"`), {
      directory: join(at, 'locks')
    })
    try {
      for (const [worker, code] of [
        [full, 'ERR_ENGINE_NO_SPACE'],
        [readOnly, 'ERR_ENGINE_ACCESS']
      ] as const) {
        await worker.hear('ready')
        expect(await worker.ask({ do: 'acquire', id: 'a', key: 'k' }, 'refused')).toMatchObject({
          code,
          message: expect.stringContaining(at)
        })
      }
    } finally {
      for (const worker of [full, readOnly]) {
        worker.signal('SIGTERM')
        await worker.end()
      }
    }
  })
})

describe('many', () => {
  test('waiters of one process are one entry', async () => {
    const [holder, other] = (await openAll(2)) as [Worker, Worker]
    await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    for (let i = 0; i < 1000; i++) other.say({ do: 'acquire', id: String(i), key: 'k' })
    await queued('k', 2)
    await holder.ask({ do: 'release', id: 'a' }, 'released')
    for (let i = 0; i < 1000; i++) {
      await other.hear('granted', line => line.id === String(i))
      await other.ask({ do: 'release', id: String(i) }, 'released')
    }
  }, 60_000)

  test('are served in order of arrival', async () => {
    const workers = await openAll(6)
    const [first, ...others] = workers as [Worker, ...Worker[]]
    await first.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
    for (const [i, worker] of others.entries()) {
      worker.say({ do: 'acquire', id: 'a', key: 'k' })
      await queued('k', i + 2)
    }
    for (const [i, worker] of workers.entries()) {
      await worker.ask({ do: 'release', id: 'a' }, 'released')
      const next = workers[i + 1]
      if (next !== undefined) await next.hear('granted')
    }
  })
})

describe.each(PLACES)('chaos on %s', place => {
  const runs: [string, Partial<ChaosOptions>][] = [
    [
      'all ways to take a key',
      { kinds: ['run', 'timeout', 'abort', 'try', 'sync', 'trySync', 'sweep'], kills: 20, stops: 20 }
    ],
    ['lockFile', { kinds: ['file'], isFile: true, kills: 10, stops: 10 }]
  ]
  test.each(runs)(
    'holders never meet: %s',
    async (_, options) => {
      const folder = mkdtempSync(join(place, 'latchkey-chaos-'))
      chmodSync(folder, 0o755)
      try {
        const settings = {
          program: worker,
          runtimes: [process.execPath],
          folder,
          processes: 4,
          times: 60,
          kills: 0,
          stops: 0,
          seed: 7
        }
        const result = await chaos({ ...settings, kinds: [], ...options })
        expect(result.violations).toEqual([])
        expect(result.counted).toBeGreaterThanOrEqual(result.done)
        expect(result.done).toBeGreaterThan(20)
        expect(result.kills).toBeGreaterThan(0)
        expect(result.stops).toBeGreaterThan(0)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
    120_000
  )
})
