// What a LocalLock does in one process, and what it does with a directory that is not as it should be.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { checkKeyedLock, type Lease, type LockAbility, LockEngineError } from 'latchkey/distributed'
import { LocalLock, type LocalLockOptions, lockFile } from 'latchkey/local'
import { LockMonitor } from 'latchkey/monitor'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SHARED_FILE_SYSTEMS } from '../../../src/engines/local/directory.js'
import { keyIdOf } from '../../../src/engines/local/local-lock.js'
import { HIGHEST, nextNumber, parseEntry } from '../../../src/engines/local/protocol.js'
import { closeAll } from '../../fixtures/closing.js'
import { checkAll, checksWithout } from '../../fixtures/conformance.js'

let folder = ''
let directory = ''
const opened: LocalLock[] = []
const servers: Server[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-local-'))
  directory = join(folder, 'locks')
})
afterEach(async context => {
  vi.restoreAllMocks()
  await closeAll(context, opened)
  for (const server of servers.splice(0)) server.close()
  rmSync(folder, { recursive: true, force: true })
})

function open(options?: LocalLockOptions): LocalLock {
  const lock = new LocalLock({ directory, ...options })
  opened.push(lock)
  return lock
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: { code?: string }) => error.code
  )
const folderOf = (key: string) => join(directory, keyIdOf(key))
const entriesOf = (key: string) => (existsSync(folderOf(key)) ? readdirSync(folderOf(key)) : [])

/** A socket of something else, with a name of our kind. */
const bind = (path: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(path, () => resolve(server))
    servers.push(server)
  })
/** The same, whose owner has ended. */
function bindDead(path: string): void {
  const program = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', program, path])
  expect(lstatSync(path).isSocket()).toBe(true)
}

const LACKS: LockAbility[] = []

describe('a lock for the processes of one machine', () => {
  checkAll(open, LACKS)

  test('the same on a file system in memory', async () => {
    const memory = mkdtempSync('/dev/shm/latchkey-local-')
    try {
      const names = await checkKeyedLock(options => open({ directory: memory, ...options }))
      expect(names).toHaveLength(checksWithout(LACKS).length)
    } finally {
      rmSync(memory, { recursive: true, force: true })
    }
  })

  test('says what it promises', () => {
    expect(open().guarantees).toEqual({ fifo: true, fencing: true, survives: ['crash', 'pause'] })
  })

  test('tells a monitor of what happens, synchronous calls included', async () => {
    const monitor = new LockMonitor()
    const lock = open({ observer: monitor, name: 'config' })
    await lock.runExclusive('a', () => {})
    lock.acquireSync('a').release()
    await codeOf(lock.acquire('a', { signal: AbortSignal.abort() }))
    const [snapshot] = monitor.snapshot().locks
    expect(snapshot?.name).toBe('config')
    expect(snapshot).toMatchObject({ acquisitions: 2, held: 0, waiting: 0, abandoned: { aborted: 1 } })
  })

  test('misuse of what is its own throws at the call', async () => {
    const lock = open()
    const wrong: [() => unknown, RegExp][] = [
      [() => new LocalLock({ directory: '' }), /options.directory must be the path/],
      [() => new LocalLock({ directory: 'a\0b' }), /options.directory/],
      [() => new LocalLock({ directory: 7 as never }), /options.directory/],
      [() => new LocalLock({ access: 'all' as never }), /'private' or 'group' or 'everyone', got "all"/],
      [() => new LocalLock({ turns: 0 }), /from 1 to 64/],
      [() => new LocalLock({ turns: 65 }), /from 1 to 64/],
      [() => new LocalLock({ engine: 'flock' as never }), /'sockets' or 'sqlite'/],
      [() => lock.acquireSync(7 as never), /key must be a string/],
      [() => lock.acquireSync('a', { timeout: -1 }), /timeout/],
      [() => lock.tryAcquireSync(undefined as never), /key must be a string/],
      [() => lock.check(7 as never), /key must be a string/],
      [() => lockFile('', () => {}), /path/],
      [() => lockFile('a', 7 as never), /task/],
      [() => lockFile('a', () => {}, { access: 'x' as never }), /access/]
    ]
    for (const [call, text] of wrong) expect(call).toThrow(text)
    expect(existsSync(directory)).toBe(false)
  })

  test('its default directory is that of the user, whatever TMPDIR says', () => {
    vi.stubEnv('TMPDIR', folder)
    expect(new LocalLock().directory).toBe(`/tmp/latchkey-${process.getuid?.()}`)
    vi.unstubAllEnvs()
  })

  test('callers of one process take turns in one place, and then let another in', async () => {
    const [one, other] = [open({ turns: 3 }), open({ turns: 3 })]
    const first = await one.acquire('a')
    const order: string[] = []
    const tokens: bigint[] = []
    const call = (lock: LocalLock, name: string) =>
      lock.runExclusive('a', lease => {
        order.push(name)
        tokens.push(lease.token as bigint)
      })
    const calls = Array.from({ length: 6 }, () => call(one, 'one'))
    await vi.waitFor(() => expect(one.waiting).toBe(6))
    calls.push(call(other, 'other'))
    await vi.waitFor(() => expect(entriesOf('a').filter(name => name.startsWith('q'))).toHaveLength(2))
    await first.release()
    await Promise.all(calls)
    expect(order).toEqual(['one', 'one', 'other', 'one', 'one', 'one', 'one'])
    const all = [first.token as bigint, ...tokens]
    expect(all).toEqual([...all].sort((a, b) => (a < b ? -1 : 1)))
    expect(new Set(all).size).toBe(all.length)
  })

  test('a turn that its caller does not take any more goes on to the others', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('a')
    const abort = new AbortController()
    const leaves = codeOf(one.acquire('a', { signal: abort.signal }))
    const next = other.acquire('a')
    await vi.waitFor(() => expect(one.waiting).toBe(1))
    const released = lease.release()
    abort.abort(new Error('enough'))
    await released
    await leaves
    await (await next).release()
  })

  test('check shows the queue', async () => {
    const [one, other] = [open(), open()]
    expect(await one.check('a')).toEqual([])
    const lease = await one.acquire('a')
    const waiting = other.acquire('a')
    await vi.waitFor(async () => expect(await one.check('a')).toHaveLength(2))
    const [holder, waiter] = await one.check('a')
    expect(holder).toMatchObject({ pid: process.pid, here: true, token: lease.token })
    expect(Math.abs((holder?.since ?? 0) - Date.now())).toBeLessThan(60_000)
    await lease.release()
    expect((await waiting).token).toBe(waiter?.token)
    await (await waiting).release()
    expect(await one.check('a')).toEqual([])
  })

  test('sweep removes what is left of free keys, and nothing of those in use', async () => {
    const lock = open()
    for (const key of ['a', 'b', 'c']) await lock.runExclusive(key, () => {})
    const lease = await lock.acquire('held')
    const before = lease.token as bigint
    expect(await lock.sweep()).toBe(3)
    expect(readdirSync(directory)).toEqual([keyIdOf('held')])
    expect(lease.held).toBe(true)
    await lease.release()
    expect(await lock.sweep()).toBe(1)
    expect(readdirSync(directory)).toEqual([])
    await lock.runExclusive('held', lease => expect(lease.token).toBeGreaterThan(before))
  })

  test('sweep on a directory that is not there', async () => {
    expect(await open({ directory: join(folder, 'nothing') }).sweep()).toBe(0)
  })

  test('ten thousand cycles leave one file, and no descriptor', async () => {
    const lock = open()
    const descriptors = () => readdirSync('/proc/self/fd').length
    await lock.runExclusive('a', () => {})
    const before = descriptors()
    for (let i = 0; i < 10_000; i++) {
      await (await lock.acquire('a')).release()
      if (i % 100 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    await new Promise(resolve => setImmediate(resolve))
    expect(entriesOf('a')).toHaveLength(1)
    expect(descriptors()).toBeLessThanOrEqual(before + 1)
  })

  test('close rejects those who wait, and leaves nothing', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('a')
    const waiting = codeOf(other.acquire('a'))
    await vi.waitFor(() => expect(entriesOf('a').filter(name => name.startsWith('q'))).toHaveLength(2))
    await other.close()
    expect(await waiting).toBe('ERR_LOCK_CLOSED')
    await vi.waitFor(() => expect(entriesOf('a')).toHaveLength(1))
    expect(() => other.acquireSync('a')).toThrow(/closed/)
    expect(other.tryAcquireSync('a')).toBeUndefined()
    await lease.release()
  })
})

describe('synchronous calls', () => {
  test('take a key and give it back', () => {
    const [one, other] = [open(), open()]
    const lease = one.acquireSync('a')
    expect(lease).toMatchObject({ key: 'a', held: true })
    expect(other.tryAcquireSync('a')).toBeUndefined()
    lease.release()
    lease.release()
    expect(lease.held).toBe(false)
    const next = other.tryAcquireSync('a')
    expect(next?.token).toBeGreaterThan(lease.token)
    next?.release()
  })

  test('are waited for by asynchronous callers', async () => {
    const [one, other] = [open(), open()]
    const lease = one.acquireSync('a')
    const waiting = [one.acquire('a'), other.acquire('a')]
    await vi.waitFor(() => expect(entriesOf('a').filter(name => name.startsWith('q'))).toHaveLength(2))
    lease.release()
    for (const next of await Promise.all(waiting.map(async next => (await next).release().then(() => 1))))
      expect(next).toBe(1)
  })

  test('refuse to wait for their own thread', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('a')
    for (const lock of [one, other]) {
      expect(() => lock.acquireSync('a')).toThrow(expect.objectContaining({ code: 'ERR_DEADLOCK' }))
      expect(() => lock.acquireSync('a', { timeout: 0 })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_TIMEOUT' }))
      expect(lock.tryAcquireSync('a')).toBeUndefined()
    }
    await lease.release()
    one.acquireSync('a').release()
  })

  test('know by the number of a process that it has ended', () => {
    mkdirSync(folderOf('a'), { recursive: true })
    const lock = open()
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    const lease = lock.acquireSync('a')
    const { namespace } = parseEntry(entriesOf('a')[0] as string) as { namespace: string }
    lease.release()
    const name = `q0000000000000001.x.${dead}.${namespace}.1-0-dead`
    bindDead(join(folderOf('a'), name))
    const waits = vi.spyOn(Atomics, 'wait')
    try {
      lock.acquireSync('a').release()
      expect(waits).not.toHaveBeenCalled()
    } finally {
      waits.mockRestore()
    }
    expect(entriesOf('a')).not.toContain(name)
  })

  test.each(['in another namespace', 'in a thread of this process'])('ask the socket of one that ended %s', where => {
    const lock = open()
    const lease = lock.acquireSync('a')
    const own = parseEntry(entriesOf('a')[0] as string)
    lease.release()
    const [namespace, id] =
      where === 'in another namespace' ? ['zzz', '1-0-dead'] : [own?.namespace, `${own?.started}-5-dead`]
    bindDead(join(folderOf('a'), `q0000000000000001.x.${process.pid}.${namespace}.${id}`))
    expect(lock.tryAcquireSync('a')?.release()).toBeUndefined()
    bindDead(join(folderOf('a'), `q0000000000000001.x.${process.pid}.${namespace}.${id}`))
    lock.acquireSync('a', { timeout: 10_000 }).release()
    expect(entriesOf('a')).toHaveLength(1)
  })
})

describe('loss', () => {
  const lost = (lease: Lease) =>
    new Promise<unknown>(resolve => lease.signal.addEventListener('abort', () => resolve(lease.signal.reason)))

  const removals: [string, (key: string) => void][] = [
    ['its entry is removed', key => rmSync(join(folderOf(key), entriesOf(key)[0] as string))],
    ['its entry is renamed', key => renameSync(join(folderOf(key), entriesOf(key)[0] as string), join(folder, 'away'))],
    ['its entry is said to have left', key => chmodSync(join(folderOf(key), entriesOf(key)[0] as string), 0)],
    ['the folder of its key is removed', key => rmSync(folderOf(key), { recursive: true })],
    ['the directory is removed', () => rmSync(directory, { recursive: true })],
    ['the directory is renamed', () => renameSync(directory, join(folder, 'renamed'))],
    ['a directory above is renamed', () => renameSync(folder, `${folder}-renamed`)]
  ]
  test.each(removals)('a holder is told when %s', async (name, remove) => {
    const lock = open()
    const lease = await lock.acquire('a')
    const told = lost(lease)
    remove('a')
    expect(lease.held).toBe(false)
    expect(await told).toMatchObject({ code: 'ERR_LEASE_LOST', message: expect.stringContaining('was removed') })
    await lease.release()
    await lock.runExclusive('a', () => {})
    if (name.includes('above')) rmSync(`${folder}-renamed`, { recursive: true })
  })

  test.each(removals.slice(3))('a signal alone tells it when %s', async (name, remove) => {
    const lease = await open().acquire('a')
    const told = lost(lease)
    remove('a')
    expect(await told).toMatchObject({ code: 'ERR_LEASE_LOST' })
    await lease.release()
    if (name.includes('above')) rmSync(`${folder}-renamed`, { recursive: true })
  })

  test('a task that was not alone is told so', async () => {
    const running = open().runExclusive('a', () => {
      rmSync(directory, { recursive: true })
      return 7
    })
    await expect(running).rejects.toMatchObject({ code: 'ERR_LEASE_LOST', result: 7 })
  })

  test('a synchronous lease says so', () => {
    const lease = open().acquireSync('a')
    rmSync(directory, { recursive: true })
    expect(lease.held).toBe(false)
    lease.release()
  })

  test.each(removals.slice(0, 5))('a waiter is told when %s while it waits', async (_, remove) => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('a')
    const waiting = other.acquire('a')
    await vi.waitFor(() => expect(entriesOf('a')).toHaveLength(2))
    // Of the two it is the later one.
    const [first] = entriesOf('a').sort()
    if (first !== undefined && _.startsWith('its')) {
      const hidden = join(folder, 'hidden')
      renameSync(join(folderOf('a'), first), hidden)
      remove('a')
      renameSync(hidden, join(folderOf('a'), first))
    } else remove('a')
    const outcome = codeOf(waiting)
    await lease.release()
    expect(await outcome).toBe('ERR_ENGINE_WIPED')
    await one.runExclusive('a', () => {})
  })
})

describe('files of others', () => {
  const names = ['1.json', 'q1', 'q0000000000000001', 't.1', 'README', '.hidden', 'lock']
  const entry = (number: string) => `q${number}.x.1.1.1-0-foreign`

  test('are never touched, whatever they are called', async () => {
    const [one, other] = [open(), open()]
    await one.runExclusive('a', () => {})
    const at = (name: string) => join(folderOf('a'), name)
    const mine = [...names, entry('0000000000000001'), entry('9999999999999999'), 't.1.1-0-file']
    for (const name of mine) writeFileSync(at(name), name)
    symlinkSync('/etc/passwd', at(entry('0000000000000002')))
    symlinkSync('/nowhere', at('t.2.1-0-link'))
    mkdirSync(at(entry('0000000000000003')))
    // A higher number than any of ours: a name, and no entry.
    writeFileSync(at(entry(String(HIGHEST - 1))), 'high')
    for (let i = 0; i < 3; i++) {
      const lease = await one.acquire('a', { timeout: 5000 })
      const waiting = other.acquire('a', { timeout: 5000 })
      expect(await other.tryAcquire('a')).toBeUndefined()
      await lease.release()
      await (await waiting).release()
      other.acquireSync('a', { timeout: 5000 }).release()
    }
    await one.sweep()
    for (const name of mine) expect(readFileSync(at(name), 'utf8')).toBe(name)
    expect(lstatSync(at(entry('0000000000000002'))).isSymbolicLink()).toBe(true)
    expect(lstatSync(at('t.2.1-0-link')).isSymbolicLink()).toBe(true)
    expect(statSync(at(entry('0000000000000003'))).isDirectory()).toBe(true)
  })

  test('in the directory stay where they are', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    for (const name of ['notes.txt', 'a'.repeat(22)]) writeFileSync(join(directory, name), name)
    mkdirSync(join(directory, 'b'.repeat(22)))
    writeFileSync(join(directory, 'b'.repeat(22), 'notes.txt'), 'b')
    await lock.sweep().catch(() => {})
    expect(readFileSync(join(directory, 'notes.txt'), 'utf8')).toBe('notes.txt')
    expect(readFileSync(join(directory, 'a'.repeat(22)), 'utf8')).toBe('a'.repeat(22))
    expect(readFileSync(join(directory, 'b'.repeat(22), 'notes.txt'), 'utf8')).toBe('b')
  })

  test('a link in the place of a folder leads to where the key is', async () => {
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere, { mode: 0o700 })
    mkdirSync(directory, { mode: 0o700 })
    writeFileSync(join(elsewhere, 'data.json'), 'data')
    symlinkSync(elsewhere, folderOf('a'))
    const [one, other] = [open(), open()]
    const lease = await one.acquire('a')
    expect(await other.tryAcquire('a')).toBeUndefined()
    await lease.release()
    expect(readFileSync(join(elsewhere, 'data.json'), 'utf8')).toBe('data')
  })

  test('a socket that listens holds the key, whoever made it', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    const connections = new Set<{ destroy(): void }>()
    const server = await bind(join(folderOf('a'), entry('0000000000000001')))
    server.on('connection', connection => connections.add(connection))
    expect(await lock.tryAcquire('a')).toBeUndefined()
    const waiting = lock.acquire('a')
    await vi.waitFor(async () => expect((await lock.check('a')).length).toBeGreaterThan(1))
    server.close()
    for (const connection of connections) connection.destroy()
    await (await waiting).release()
  })

  test('dead sockets without a number are swept', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    bindDead(join(folderOf('a'), 't.1.1-0-dead'))
    await lock.runExclusive('a', () => {})
    await vi.waitFor(() => expect(entriesOf('a').filter(name => name.startsWith('t.'))).toEqual([]))
  })
})

describe('numbers', () => {
  test('grow although the clock is set back', async () => {
    const lock = open()
    const before = await lock.acquire('a')
    await before.release()
    vi.spyOn(Date, 'now').mockReturnValue(1000)
    const after = await lock.acquire('a')
    expect(after.token).toBeGreaterThan(before.token as bigint)
    await after.release()
    const last = lock.acquireSync('a')
    expect(last.token).toBeGreaterThan(after.token as bigint)
    last.release()
  })

  test('are wider apart at each try', () => {
    expect(nextNumber(1, -1, 0, 0)).toBe(1025)
    expect(nextNumber(1, -1, 0, 0.99)).toBeLessThanOrEqual(1024 + 16)
    expect(nextNumber(1, 5000, 3, 0.99)).toBeGreaterThan(5100)
    expect(nextNumber(1, 5000, 60, 0.99)).toBeLessThan(5000 + 2 ** 20 + 2)
  })

  test('a queue at the highest of all says what to do', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    bindDead(join(folderOf('a'), `q${HIGHEST}.x.1.1.1-0-high`))
    await expect(lock.acquire('a')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED', message: /Remove the folder/ })
  })
})

describe('directories', () => {
  test.each(['private', 'group', 'everyone'] as const)('have the rights of %s, whatever the umask', async access => {
    // A thread cannot set it; mutants meet the tests in one.
    const before = isMainThread ? process.umask(0o077) : undefined
    try {
      const lock = open({ access })
      const lease = await lock.acquire('a')
      const rights = (path: string) => (statSync(path).mode & 0o7777).toString(8)
      const expected = { private: ['700', '1600'], group: ['2770', '1660'], everyone: ['777', '1666'] }[access]
      expect(rights(directory)).toBe(expected[0])
      expect(rights(folderOf('a'))).toBe(expected[0])
      expect(rights(join(folderOf('a'), entriesOf('a')[0] as string))).toBe(expected[1])
      await lease.release()
    } finally {
      if (before !== undefined) process.umask(before)
    }
  })

  test('that others can write to are refused, unless that is meant', async () => {
    mkdirSync(directory)
    chmodSync(directory, 0o777)
    expect(await codeOf(open().acquire('a'))).toBe('ERR_ENGINE_DIRECTORY')
    expect(() => open().acquireSync('a')).toThrow(expect.objectContaining({ code: 'ERR_ENGINE_DIRECTORY' }))
    expect(await codeOf(open({ access: 'everyone' }).runExclusive('a', () => {}))).toBe('none')
  })

  test('that are files are refused', async () => {
    writeFileSync(directory, '')
    for (const path of [directory, join(directory, 'below')])
      expect(await codeOf(open({ directory: path }).acquire('a'))).toBe('ERR_ENGINE_DIRECTORY')
  })

  test('that are links to one of this user are as good as it', async () => {
    mkdirSync(join(folder, 'real'), { mode: 0o700 })
    symlinkSync(join(folder, 'real'), directory)
    const [one, other] = [open(), open({ directory: join(folder, 'real') })]
    const lease = await one.acquire('a')
    expect(await other.tryAcquire('a')).toBeUndefined()
    await lease.release()
  })

  test('of any length exclude', async () => {
    const long = join(folder, ...Array.from({ length: 12 }, (_, i) => `${i}${'x'.repeat(50)}`))
    const [one, other] = [open({ directory: long }), open({ directory: long })]
    const lease = await one.acquire('a')
    expect(await other.tryAcquire('a')).toBeUndefined()
    const waiting = other.acquire('a')
    await vi.waitFor(async () => expect(await one.check('a')).toHaveLength(2))
    await lease.release()
    await (await waiting).release()
    one.acquireSync('a').release()
    expect(await one.sweep()).toBe(1)
  })

  test('that are too long for the system are refused', async () => {
    expect(await codeOf(open({ directory: join(folder, 'x'.repeat(300)) }).acquire('a'))).toBe(
      'ERR_ENGINE_PATH_TOO_LONG'
    )
  })

  test('a list of file systems that reach other machines', () => {
    expect(Object.values(SHARED_FILE_SYSTEMS)).toEqual(expect.arrayContaining(['NFS', 'SMB', '9p', 'FUSE']))
  })
})

describe('lockFile', () => {
  test('excludes by the real path, and leaves nothing', async () => {
    const file = join(folder, 'app.json')
    mkdirSync(join(folder, 'sub'))
    symlinkSync(file, join(folder, 'link.json'))
    symlinkSync('../app.json', join(folder, 'sub', 'relative.json'))
    const ways = [
      file,
      join(folder, 'link.json'),
      join(folder, 'sub', 'relative.json'),
      join(folder, 'sub', '..', 'app.json')
    ]
    // Before the file is there, and after.
    for (let round = 0; round < 2; round++) {
      let inside = 0
      const section = async () => {
        expect(++inside).toBe(1)
        await new Promise(resolve => setImmediate(resolve))
        writeFileSync(file, '{}')
        inside--
      }
      await Promise.all(ways.map(path => lockFile(path, section)))
    }
    expect(readdirSync(folder).sort()).toEqual(['app.json', 'link.json', 'sub'])
  })

  test('has its folder beside the file while it is locked', async () => {
    const file = join(folder, 'app.json')
    await lockFile(file, lease => {
      expect(lease.held).toBe(true)
      expect(readdirSync(folder)).toEqual(['.app.json.latchkey'])
    })
    expect(readdirSync(folder)).toEqual([])
  })

  test('passes on what the task returns and throws, and cancels as others do', async () => {
    const file = join(folder, 'app.json')
    expect(await lockFile(file, () => 7)).toBe(7)
    await expect(lockFile(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await lockFile(file, async () => {
      expect(await codeOf(lockFile(file, () => {}, { timeout: 0 }))).toBe('ERR_LOCK_TIMEOUT')
      expect(await codeOf(lockFile(file, () => {}, { timeout: 20 }))).toBe('ERR_LOCK_TIMEOUT')
    })
    expect(readdirSync(folder)).toEqual([])
  })

  test('takes names of any length', async () => {
    const file = join(folder, 'x'.repeat(255))
    await lockFile(file, () => {})
    expect(readdirSync(folder)).toEqual([])
  })

  test('refuses a folder that is not there', async () => {
    await expect(lockFile(join(folder, 'nothing', 'app.json'), () => {})).rejects.toBeInstanceOf(LockEngineError)
  })

  test('keeps the files of others in its folder', async () => {
    const file = join(folder, 'app.json')
    mkdirSync(join(folder, '.app.json.latchkey'), { mode: 0o700 })
    writeFileSync(join(folder, '.app.json.latchkey', 'mine'), 'mine')
    await lockFile(file, () => {})
    expect(readFileSync(join(folder, '.app.json.latchkey', 'mine'), 'utf8')).toBe('mine')
  })
})
