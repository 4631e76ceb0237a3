// What came out when the lock was attacked once more: callers that meet, files that cannot be removed, processes that are
// half gone, paths that lead elsewhere, disks that are full.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs, {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalLock, type LocalLockOptions, lockFile } from 'latchkey/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { keyIdOf } from '../../../src/engines/local/local-lock.js'
import { HIGHEST, parseEntry } from '../../../src/engines/local/protocol.js'
import { sqlite } from '../../../src/engines/local/sqlite.js'
import { closeAll } from '../../fixtures/closing.js'
import { eventually, useProcesses, Worker } from '../../fixtures/processes.js'
import { randomFrom } from '../../fixtures/random.js'
import { bundleTo } from './bundle.js'

let folder = ''
let directory = ''
const opened: LocalLock[] = []
const servers: Server[] = []
const { readdirSync: list, unlinkSync, writeSync } = fs
const originals = { readdirSync: list, unlinkSync, writeSync }
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-attacks-'))
  directory = join(folder, 'locks')
})
afterEach(async context => {
  vi.restoreAllMocks()
  Object.assign(fs, originals)
  syncBuiltinESMExports()
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
/** Replaces a function of `node:fs`, for the sources too. */
function replace<K extends keyof typeof originals>(name: K, by: (original: (typeof originals)[K]) => unknown): void {
  Object.assign(fs, { [name]: by(originals[name]) })
  syncBuiltinESMExports()
}
const failure = (code: string) => Object.assign(new Error(code), { code })

describe('two callers that do not wait and meet on a free key', () => {
  /** Joins the queue as the next caller takes its number, and leaves as that one leaves: each has seen the other. */
  function rival(): void {
    const path = join(folderOf('a'), 'q0000000000000001.x.1.zzz.1-0-rival')
    let server: Server | undefined
    const now = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => {
      if (server === undefined) {
        server = createServer().listen(path)
        servers.push(server)
      }
      return now()
    })
    replace('unlinkSync', unlink => (file: string) => {
      unlink(file)
      if (!existsSync(path)) return
      unlink(path)
      server?.close()
    })
  }

  test.each(['tryAcquire', 'tryAcquireSync', 'acquire', 'acquireSync'] as const)(
    'do not both go away: %s',
    async way => {
      const lock = open()
      await lock.runExclusive('a', () => {})
      rival()
      const timeout = 0
      const lease =
        way === 'acquire' || way === 'acquireSync' ? await lock[way]('a', { timeout }) : await lock[way]('a')
      expect(lease?.held).toBe(true)
      await lease?.release()
      expect(readdirSync(folderOf('a'))).toHaveLength(1)
    }
  )
})

describe('an entry that cannot be removed', () => {
  test('says that its owner has left', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('a')
    replace('unlinkSync', () => () => {
      throw failure('EACCES')
    })
    expect(await codeOf(other.acquire('a', { timeout: 5 }))).toBe('ERR_LOCK_TIMEOUT')
    await vi.waitFor(async () => expect(await one.check('a')).toHaveLength(1))
    await lease.release()
    // Nothing is connected to here: what is seen must suffice.
    const next = one.tryAcquireSync('a')
    expect(next?.held).toBe(true)
    next?.release()
  })
})

describe('synchronous and asynchronous callers of one process', () => {
  test('one that comes after a caller to whom the key was about to go, and who left, has it', async () => {
    for (const way of ['acquireSync', 'tryAcquireSync'] as const) {
      const lock = open()
      const lease = await lock.acquire('a')
      const abort = new AbortController()
      const leaving = codeOf(lock.acquire('a', { signal: abort.signal }))
      await vi.waitFor(() => expect(lock.waiting).toBe(1))
      const released = lease.release()
      abort.abort(new Error('enough'))
      await released
      const next = lock[way]('a')
      expect(next?.held).toBe(true)
      expect(next?.token).toBeGreaterThan(lease.token as bigint)
      // The place that was kept is given up later as well, and takes nothing away.
      await new Promise(resolve => setImmediate(resolve))
      expect(next?.held).toBe(true)
      next?.release()
      await leaving
    }
  })

  test('are never in at the same time, whatever they call', async () => {
    let inside = 0
    let last = 0n
    const section = (token: bigint | undefined) => {
      expect(++inside).toBe(1)
      expect(token).toBeGreaterThan(last)
      last = token ?? 0n
      inside--
      return true
    }
    const turn = () => new Promise(resolve => setImmediate(resolve))
    const ways: ((lock: LocalLock) => unknown)[] = [
      lock => lock.runExclusive('a', lease => section(lease.token)),
      async lock => {
        const lease = await lock.acquire('a', { timeout: 1000 })
        const seen = ++inside
        await turn()
        expect(seen).toBe(1)
        inside--
        section(lease.token)
        await lease.release()
        return true
      },
      async lock => {
        const lease = await lock.tryAcquire('a')
        if (lease) section(lease.token)
        await lease?.release()
        return lease
      },
      lock => {
        const lease = lock.tryAcquireSync('a')
        if (lease) section(lease.token)
        lease?.release()
        return lease
      },
      lock => {
        const lease = lock.acquireSync('a', { timeout: 100 })
        section(lease.token)
        lease.release()
        return true
      }
    ]
    const random = randomFrom(14)
    const granted = ways.map(() => 0)
    const lane = async (lock: LocalLock) => {
      for (let k = 0; k < 150; k++) {
        const way = Math.floor(random() * ways.length)
        const outcome = await (async () => ways[way]?.(lock))().catch((error: { code?: string }) => {
          expect(['ERR_DEADLOCK', 'ERR_LOCK_TIMEOUT']).toContain(error.code)
        })
        if (outcome) granted[way]!++
        for (let turns = Math.floor(random() * 12); turns > 0; turns--) await turn()
      }
    }
    const locks = [open(), open(), open({ turns: 1 })]
    await Promise.all([...locks, locks[0] as LocalLock].map(lane))
    for (const times of granted) expect(times).toBeGreaterThan(10)
    expect(await locks[0]?.check('a')).toEqual([])
  })
})

describe('numbers that are too large', () => {
  test('are no entries, even of sockets that listen', async () => {
    const [one, other] = [open(), open()]
    await one.runExclusive('a', () => {})
    for (const number of [String(HIGHEST + 1), '9999999999999999', '99999999999999999999'])
      servers.push(createServer().listen(join(folderOf('a'), `q${number}.x.1.1.1-0-high`)))
    const lease = await one.acquire('a', { timeout: 1000 })
    expect(await one.check('a')).toHaveLength(1)
    expect(await other.tryAcquire('a')).toBeUndefined()
    await lease.release()
    other.acquireSync('a', { timeout: 1000 }).release()
    expect(readdirSync(folderOf('a')).filter(name => name.endsWith('-high'))).toHaveLength(3)
  })
})

describe('a key that is swept while a caller is on its way', () => {
  const late = 't.1.1-0-late'
  const numbered = 'q0000000000000001.x.1.zzz.1-0-late'

  test('keeps its last number: that caller may have a lower one', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    servers.push(createServer().listen(join(folderOf('a'), late)))
    expect(await lock.sweep()).toBe(0)
    const names = readdirSync(folderOf('a'))
    expect(names).toHaveLength(2)
    expect(names.some(name => parseEntry(name) !== undefined)).toBe(true)
  })

  test('also if the listing that should have shown that caller missed it', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    servers.push(createServer().listen(join(folderOf('a'), late)))
    let listings = 0
    // The third listing of the folder is that of a sweep which has the key: it comes between the two names.
    replace('readdirSync', readdir => (path: string) => {
      const names = readdir(path)
      if (path !== folderOf('a') || ++listings !== 3) return names
      renameSync(join(path, late), join(path, numbered))
      return names.filter(name => name !== late)
    })
    expect(await lock.sweep()).toBe(0)
    expect(listings).toBe(4)
    expect(list(folderOf('a'))).toHaveLength(2)
  })

  test('goes when no caller is there', async () => {
    const lock = open()
    await lock.runExclusive('a', () => {})
    expect(await lock.sweep()).toBe(1)
    expect(readdirSync(directory)).toEqual([])
  })
})

describe('lockFile through links', () => {
  test('that lead over several others to nothing yet', async () => {
    mkdirSync(join(folder, 'real'))
    symlinkSync('real', join(folder, 'linked'))
    // link 1 → link 2, through a linked folder → link 3 → a file that is not there
    symlinkSync(join('linked', 'second'), join(folder, 'first'))
    symlinkSync(join('..', 'third'), join(folder, 'real', 'second'))
    symlinkSync(join(folder, 'linked', 'app.json'), join(folder, 'third'))
    await lockFile(join(folder, 'real', 'app.json'), async () => {
      expect(readdirSync(join(folder, 'real')).sort()).toEqual(['.app.json.latchkey', 'second'])
      for (const name of ['first', 'third', join('linked', 'second'), join('linked', 'app.json')])
        expect(await codeOf(lockFile(join(folder, name), () => {}, { timeout: 0 }))).toBe('ERR_LOCK_TIMEOUT')
    })
    expect(readdirSync(join(folder, 'real'))).toEqual(['second'])
    expect(readlinkSync(join(folder, 'first'))).toBe(join('linked', 'second'))
  })

  test('that lead to themselves is refused', async () => {
    symlinkSync('b', join(folder, 'a'))
    symlinkSync('a', join(folder, 'b'))
    expect(await codeOf(lockFile(join(folder, 'a'), () => {}))).toMatch(/^ERR_ENGINE_/)
    expect(readdirSync(folder).sort()).toEqual(['a', 'b'])
  })

  test('means the same file before it is there, when it is, and after it was replaced', async () => {
    const file = join(folder, 'app.json')
    const isTaken = async () => (await codeOf(lockFile(file, () => {}, { timeout: 0 }))) === 'ERR_LOCK_TIMEOUT'
    await lockFile(file, async () => {
      writeFileSync(`${file}.new`, '{}')
      expect(await isTaken()).toBe(true)
      renameSync(`${file}.new`, file)
      expect(await isTaken()).toBe(true)
      rmSync(file)
      expect(await isTaken()).toBe(true)
    })
    expect(readdirSync(folder)).toEqual([])
  })

  test('leaves alone what is in the place of its folder', async () => {
    const beside = join(folder, '.app.json.latchkey')
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere, { mode: 0o700 })
    writeFileSync(join(elsewhere, 'data'), 'data')
    symlinkSync(elsewhere, beside)
    const file = join(folder, 'app.json')
    // A link of this user to a folder: the lock is there.
    await lockFile(file, async () => {
      expect(await codeOf(lockFile(file, () => {}, { timeout: 0 }))).toBe('ERR_LOCK_TIMEOUT')
    })
    expect(readdirSync(elsewhere)).toEqual(['data'])
    expect(lstatSync(beside).isSymbolicLink()).toBe(true)
    rmSync(beside)
    symlinkSync('nowhere', beside)
    expect(await codeOf(lockFile(file, () => {}))).toMatch(/^ERR_ENGINE_/)
    rmSync(beside)
    writeFileSync(beside, 'mine')
    expect(await codeOf(lockFile(file, () => {}))).toBe('ERR_ENGINE_DIRECTORY')
    expect(readFileSync(beside, 'utf8')).toBe('mine')
  })

  test('a relative path is that of the moment of the call', async () => {
    const file = join(folder, 'app.json')
    await lockFile(join(folder, '.', 'sub', '..', 'app.json'), async () => {
      expect(await codeOf(lockFile(file, () => {}, { timeout: 0 }))).toBe('ERR_LOCK_TIMEOUT')
    })
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
    await lockFile('app.json', async () => {
      expect(await codeOf(lockFile(file, () => {}, { timeout: 0 }))).toBe('ERR_LOCK_TIMEOUT')
    })
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a process that is half gone', () => {
  const hasPython = spawnSync('python3', ['-c', 'import ctypes']).status === 0
  if (!hasPython) console.log('A test with a thread that outlives its process is skipped: it needs python3.')
  /** Listens, and ends its main thread: the kernel shows a zombie, and another thread goes on. */
  const PROGRAM = `
import ctypes, os, socket, sys, threading
folder, namespace = sys.argv[1:]
number = int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])
started = ''
while number:
    number, digit = divmod(number, 36)
    started = '0123456789abcdefghijklmnopqrstuvwxyz'[digit] + started
server = socket.socket(socket.AF_UNIX)
os.chdir(folder)
server.bind(f'q0000000000000001.x.{os.getpid()}.{namespace}.{started}-0-half')
server.listen()
def stay():
    sys.stdin.readline()
    os._exit(0)
threading.Thread(target=stay).start()
exit = {'x86_64': 60, 'aarch64': 93}[os.uname().machine]
ctypes.CDLL(None).syscall(exit, 0)
`
  let child: ChildProcess | undefined
  afterEach(() => child?.kill('SIGKILL'))

  test.runIf(hasPython)('keeps its key until its last thread has ended', async () => {
    const lock = open()
    const own = lock.acquireSync('a')
    const { namespace } = parseEntry(readdirSync(folderOf('a'))[0] as string) as { namespace: string }
    own.release()
    child = spawn('python3', ['-c', PROGRAM, folderOf('a'), namespace], { stdio: ['pipe', 'inherit', 'inherit'] })
    const stat = () => readFileSync(`/proc/${child?.pid}/stat`, 'latin1')
    await eventually(
      async () => stat(),
      text => /\) Z /.test(text)
    )
    expect(await lock.check('a')).toHaveLength(1)
    expect(lock.tryAcquireSync('a')).toBeUndefined()
    expect(() => lock.acquireSync('a', { timeout: 150 })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_TIMEOUT' }))
    expect(await lock.tryAcquire('a')).toBeUndefined()
    const ended = once(child, 'exit')
    child.stdin?.end('\n')
    await ended
    lock.acquireSync('a').release()
  })
})

describe.runIf(sqlite() !== undefined)('a disk that is full, on SQLite', () => {
  test('refuses, and keeps no key locked', async () => {
    const [one, other] = [open({ engine: 'sqlite' }), open({ engine: 'sqlite' })]
    await one.runExclusive('a', () => {})
    replace('writeSync', () => () => {
      throw failure('ENOSPC')
    })
    expect(await codeOf(one.acquire('a'))).toBe('ERR_ENGINE_NO_SPACE')
    expect(() => one.acquireSync('a')).toThrow(expect.objectContaining({ code: 'ERR_ENGINE_NO_SPACE' }))
    Object.assign(fs, originals)
    syncBuiltinESMExports()
    const lease = await other.tryAcquire('a')
    expect(lease?.held).toBe(true)
    await lease?.release()
  })
})

describe('between processes', () => {
  const start = useProcesses('test/engines/local/worker.ts')
  let shared = ''
  let worker = ''
  beforeAll(async () => {
    shared = mkdtempSync(join('/tmp', 'latchkey-worker-'))
    chmodSync(shared, 0o755)
    worker = await bundleTo(join(shared, 'worker.mjs'))
  })
  afterAll(() => rmSync(shared, { recursive: true, force: true }))
  const isRoot = process.getuid?.() === 0

  test.runIf(isRoot)('users of one group share what others may not', async () => {
    chmodSync(folder, 0o777)
    const as = (uid: number, gid: number) => new Worker(worker, { directory, access: 'group' }, { uid, gid })
    const [one, other, stranger] = [as(65_001, 65_100), as(65_002, 65_100), as(65_003, 65_101)] as const
    try {
      for (const process of [one, other, stranger]) await process.hear('ready')
      await one.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      expect(await stranger.ask({ do: 'acquire', id: 's', key: 'k', timeout: 1000 }, 'refused')).toMatchObject({
        code: 'ERR_ENGINE_ACCESS'
      })
      other.say({ do: 'acquire', id: 'b', key: 'k' })
      const entries = async () => readdirSync(folderOf('k')).filter(name => name.startsWith('q')).length
      await eventually(entries, count => count === 2)
      await one.end()
      await other.hear('granted')
      await other.ask({ do: 'release', id: 'b' }, 'released')
      expect(await entries()).toBe(1)
    } finally {
      for (const process of [one, other, stranger]) await process.end()
    }
  })

  test('one that has used every way, and holds, ends by itself', async () => {
    const holder = await start({ directory })
    const process = await start({ directory })
    await holder.ask({ do: 'acquire', id: 'a', key: 'taken' }, 'granted')
    for (const way of ['acquire', 'acquireSync'])
      await process.ask({ do: way, id: way, key: 'taken', timeout: 80 }, 'refused')
    for (const way of ['async', 'sync', 'file'])
      await process.ask({ do: 'cycle', id: way, key: join(folder, way), kinds: [way] }, 'cycled')
    await process.ask({ do: 'check', key: 'taken' }, 'checked')
    await process.ask({ do: 'acquire', id: 'b', key: 'held' }, 'granted')
    await process.ask({ do: 'acquireSync', id: 'c', key: 'held too' }, 'granted')
    process.say({ do: 'finish' })
    expect(await process.exit()).toBe(0)
    for (const key of ['held', 'held too']) await holder.ask({ do: 'acquire', id: key, key }, 'granted')
  })
})
