/// <reference types="node" />
// One place in the queue of a key: a socket that listens, under a name that has a number.
//
//      enter ──▶ queued ──▶ holds ──▶ release (mode 0, closed)
//                  └──▶ leave (unlinked, closed)
//
// All that is done to files is done synchronously: on a local file system each call takes microseconds, and a turn of the
// thread pool takes more.

import {
  chmodSync,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync
} from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { LockEngineError } from '../contract.js'
import { type Access, isBeingMade, MODES, MOST_WAITS } from './directory.js'
import { codeOf, explain, wiped } from './errors.js'
import {
  type Entry,
  entryName,
  HIGHEST,
  isTemporaryName,
  judge,
  newId,
  nextNumber,
  parseEntry,
  temporaryName,
  type Verdict
} from './protocol.js'
import { ourselves } from './self.js'
import { sleep } from './sleep.js'

/** The folder of one key. */
export interface Folder {
  readonly label: string
  readonly path: string
  readonly access: Access
  /** Whether it goes with the last entry. Else the last number stays, and the next one is higher whatever the clock says. */
  readonly vanishes: boolean
  /** Makes it, when it is not there. */
  make(): void
}

/** How a place is to be held. */
export interface Want {
  readonly shared: boolean
  /** How many may hold together, if it is not shared. */
  readonly capacity: number
  /** What is said of the holder to those that ask. */
  readonly owner: string
}

/** What a holder says of itself to those that connect. One that only waits says nothing of this. */
export interface Facts {
  readonly owner?: string
  /** In ms since 1970. */
  readonly since?: number
  readonly token?: string
}

/** What fits into the address of a unix socket, in bytes, its end excluded. */
const LONGEST_ADDRESS = 107
/** So often is a place begun anew while its files vanish. */
const MOST_TRIES = 200

/**
 * An address for a name in a folder, whatever its length. `close` it when it was used: a long one leads through a
 * descriptor of the folder. Node 20 would cut it silently, and bind or meet something else.
 */
export function addressOf(folder: string, name: string): { address: string; close(): void } {
  const address = join(folder, name)
  if (Buffer.byteLength(address) <= LONGEST_ADDRESS) return { address, close() {} }
  const descriptor = openSync(folder, 'r')
  return { address: `/proc/self/fd/${descriptor}/${name}`, close: () => closeSync(descriptor) }
}

/** What a listing found beside the verdict. */
export interface Look {
  readonly verdict: Verdict
  /** Names of sockets that have no number yet, or never get one because their process has ended. */
  readonly temporary: readonly string[]
}

/** Whether its owner has taken all rights from an entry, which is how it says that it has left. */
export const hasLeft = ({ mode }: { readonly mode: number }): boolean => (mode & 0o777) === 0

const ignore = (): void => {}

/** Runs what may fail without harm: what it should remove is gone, or is removed by the next holder. */
function attempt(action: () => void): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}

export class Place {
  readonly folder: Folder
  readonly name: string
  readonly number: number
  readonly #path: string
  readonly #want: Want
  readonly #server: Server
  readonly #connections: Connections
  /** Entries that are known to have left, or to be dead. That is forever: no id is used twice. */
  readonly #gone = new Set<string>()
  /** Files that have the name of an entry and are none. */
  readonly #foreign = new Set<string>()
  #verified = false
  /**
   * Whether the own entry is looked at once more before it holds: it has waited for some time, or the whole folder may
   * have gone between a listing and the look at an entry that was not there. Else the listing has just shown it.
   */
  #mustLook = false
  #closed = false

  private constructor(
    folder: Folder,
    want: Want,
    name: string,
    number: number,
    server: Server,
    connections: Connections
  ) {
    this.folder = folder
    this.#want = want
    this.name = name
    this.number = number
    this.#path = join(folder.path, name)
    this.#server = server
    this.#connections = connections
  }

  /** Joins the queue of a key, at its end. Throws a `LockEngineError`. */
  static enter(folder: Folder, want: Want): { place: Place; look: Look } {
    let highest = -1
    for (let tries = 0, vanished = 0; ; ) {
      const place = Place.#publish(folder, want, highest, tries)
      if (place === undefined) {
        if (++vanished > MOST_TRIES) throw wiped(folder.label, folder.path)
        continue
      }
      const look = place.look()
      if (look.verdict.is !== 'outrun') return { place, look }
      place.leave()
      highest = look.verdict.highest
      tries++
    }
  }

  /** Binds, listens, and takes a number. `undefined`: the folder or the socket vanished meanwhile. */
  static #publish(folder: Folder, want: Want, highest: number, tries: number): Place | undefined {
    const own = ourselves()
    const id = newId(own)
    const temporary = temporaryName(own, id)
    const connections: Connections = { sockets: new Set(), facts: {} }
    const server = listen(folder, temporary, connections)
    if (server === undefined) return undefined
    const path = join(folder.path, temporary)
    try {
      chmodSync(path, MODES[folder.access].entry)
      const number = nextNumber(Date.now(), highest, tries)
      if (number > HIGHEST) {
        const text = `${folder.label}: a file in ${folder.path} has a number that is too high. Remove the folder while no process uses it`
        throw new LockEngineError('ERR_ENGINE_FAILED', text)
      }
      const name = entryName(number, own, id, want.shared)
      renameSync(path, join(folder.path, name))
      return new Place(folder, want, name, number, server, connections)
    } catch (error) {
      close(server, connections)
      attempt(() => unlinkSync(path))
      if (codeOf(error) === 'ENOENT') return undefined
      throw explain(folder.label, folder.path, error)
    }
  }

  /** Lists the folder, and judges what it shows. Leaves the queue if that fails. */
  look(): Look {
    try {
      const names = this.#list()
      const own = { name: this.name, number: this.number, shared: this.#want.shared }
      const { capacity } = this.#want
      let verdict = judge(
        names,
        own,
        this.#verified,
        entry => this.isGone(entry),
        entry => this.#isSocket(entry),
        capacity
      )
      // The listing is believed when it shows the own name, or when the name is not there if asked for by itself.
      if (verdict.is === 'missing' && this.isThere())
        verdict = judge(
          [...names, this.name],
          own,
          this.#verified,
          entry => this.isGone(entry),
          entry => this.#isSocket(entry),
          capacity
        )
      const isUnsure = verdict.is === 'first' && this.#mustLook
      if (verdict.is === 'missing' || (isUnsure && !this.isThere())) throw wiped(this.folder.label, this.folder.path)
      if (verdict.is !== 'outrun') this.#verified = true
      if (verdict.is === 'behind') this.#mustLook = true
      return { verdict, temporary: names.filter(isTemporaryName) }
    } catch (error) {
      this.leave()
      throw explain(this.folder.label, this.folder.path, error)
    }
  }

  #list(): string[] {
    try {
      return readdirSync(this.folder.path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    }
  }

  /** The process of this entry refused a connection: it has ended, or has closed. */
  markGone({ name }: Entry): void {
    this.#gone.add(name)
  }

  /** Whether an entry has left the queue, as far as can be seen without a connection. */
  isGone(entry: Entry): boolean {
    if (this.#gone.has(entry.name)) return true
    const stat = lstatSync(join(this.folder.path, entry.name), { throwIfNoEntry: false })
    if (stat === undefined) {
      this.#mustLook = true
      return true
    }
    if (stat.isSocket() && !hasLeft(stat)) return false
    if (!stat.isSocket()) this.#foreign.add(entry.name)
    this.#gone.add(entry.name)
    return true
  }

  #isSocket({ name }: Entry): boolean {
    return lstatSync(join(this.folder.path, name), { throwIfNoEntry: false })?.isSocket() === true
  }

  /** Whether a listing shows no other entry, and no socket that may be about to get a number. */
  isAlone(): boolean {
    return this.#list().every(name => name === this.name || !(isTemporaryName(name) || parseEntry(name)))
  }

  /** Whether the entry is still what it was, as others see it. */
  isThere(): boolean {
    if (!this.#server.listening) return false
    try {
      const stat = lstatSync(this.#path, { throwIfNoEntry: false })
      return stat?.isSocket() === true && !hasLeft(stat)
    } catch {
      // What cannot be looked at cannot be relied on.
      return false
    }
  }

  /** From now on, those that ask are told who holds. */
  tell(token?: bigint): void {
    const since = this.#connections.facts.since ?? Date.now()
    this.#connections.facts = { owner: this.#want.owner, since, ...(token !== undefined && { token: `${token}` }) }
  }

  /** Only a holder may do this: removes entries below its own, all of which are gone. */
  clear(below: readonly Entry[]): void {
    for (const { name } of below) if (!this.#foreign.has(name)) attempt(() => unlinkSync(join(this.folder.path, name)))
  }

  /** Leaves the queue without having held. */
  leave(): void {
    // Where it cannot be removed it says that it has left, for the waiters that cannot connect to it.
    this.#end(() => attempt(() => unlinkSync(this.#path)) || chmodSync(this.#path, 0))
    if (this.folder.vanishes) attempt(() => rmdirSync(this.folder.path))
  }

  /**
   * Gives the key back. `false`: the entry was not there any more.
   *
   * @param keeps whether the entry stays, as the last number, although its folder vanishes
   */
  release(keeps = false): boolean {
    const { path } = this.folder
    const vanishes = this.folder.vanishes && !keeps
    const wasThere = this.#end(() => (vanishes ? unlinkSync(this.#path) : chmodSync(this.#path, 0)))
    if (vanishes) attempt(() => rmdirSync(path))
    return wasThere
  }

  /** Whatever fails before: the socket is closed, and the key is free. */
  #end(tell: () => void): boolean {
    if (this.#closed) return false
    this.#closed = true
    const isTold = attempt(tell)
    close(this.#server, this.#connections)
    return isTold
  }
}

/** Those that are connected to a place, and what they were told. */
interface Connections {
  readonly sockets: Set<Socket>
  facts: Facts
}

/** A server that listens when this returns. `undefined`: the folder vanished. */
function listen(folder: Folder, name: string, connections: Connections): Server | undefined {
  const rights = MODES[folder.access].directory & 0o777
  let waits = 0
  for (let tries = 0; ; tries++) {
    const server = createServer(connection => {
      const { sockets, facts } = connections
      sockets.add(connection)
      connection.on('error', ignore).on('close', () => sockets.delete(connection))
      connection.write(`${JSON.stringify(facts)}\n`)
      // Reads to see the end, and keeps no process alive.
      connection.resume().unref()
    })
    server.on('error', ignore).unref()
    let failure: unknown
    try {
      const { address, close } = addressOf(folder.path, name)
      // In a cluster the primary process would listen, and the key would outlive its worker.
      server.listen({ path: address, exclusive: true })
      close()
      if (server.listening) return server
      failure = whyNot(join(folder.path, name))
    } catch (error) {
      failure = error
    }
    const isDenied = codeOf(failure) === 'EACCES' && waits < MOST_WAITS
    if (isDenied && [dirname(folder.path), folder.path].some(path => isBeingMade(path, rights))) {
      waits++
      sleep(1)
      tries = -1
      continue
    }
    // No file could be made, or one can be made now: the folder has just come or gone.
    const isMissing = codeOf(failure) === 'ENOENT' || failure === undefined
    if (!isMissing || (failure === undefined && tries > 2))
      throw explain(folder.label, folder.path, failure ?? new Error('no socket can be made here'))
    if (failure !== undefined && tries > 0) return undefined
    try {
      folder.make()
    } catch (error) {
      throw explain(folder.label, folder.path, error)
    }
  }
}

/** Why no socket could be bound. It is told later, and without the code of the system; a file tells it now. */
function whyNot(path: string): unknown {
  try {
    writeFileSync(path, '', { flag: 'wx' })
    unlinkSync(path)
    return undefined
  } catch (error) {
    return error
  }
}

function close(server: Server, { sockets }: Connections): void {
  // First those that wait for it: the first of them is the next holder.
  for (const connection of sockets) connection.destroy()
  server.close(ignore)
}

/** The entries of a folder, in queue order; those that have left are left out if that can be seen. */
export function entriesIn(path: string): Entry[] {
  let names: string[]
  try {
    names = readdirSync(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
  const entries = names.flatMap(name => parseEntry(name) ?? [])
  const isPresent = ({ name }: Entry) => {
    const stat = lstatSync(join(path, name), { throwIfNoEntry: false })
    return stat?.isSocket() === true && !hasLeft(stat)
  }
  return entries.filter(isPresent).sort((a, b) => a.number - b.number)
}
