/// <reference types="node" />
// A thread that connects to an entry while the thread that wants to know is blocked.

import { Worker } from 'node:worker_threads'
import { addressOf } from './place.js'
import { sleep } from './sleep.js'

const PENDING = 0
const CONNECTED = 1
const REFUSED = 2
const CLOSED = 3

/** What the thread runs. It is text, so that a bundler need not find a file. */
const PROGRAM = `
const { workerData: { address, state } } = require('node:worker_threads')
const tell = value => {
  Atomics.store(state, 0, value)
  Atomics.notify(state, 0)
}
require('node:net').connect({ path: address })
  .on('connect', () => tell(${CONNECTED}))
  .on('error', error => tell(error.code === 'ECONNREFUSED' ? ${REFUSED} : ${CLOSED}))
  .on('close', failed => failed || tell(${CLOSED}))
  .resume()
`

const newState = (): Int32Array => new Int32Array(new SharedArrayBuffer(4))

/** Connects to one entry in the background, until it is ended. */
export class Probe {
  readonly #state = newState()
  readonly #worker: Worker | undefined
  readonly #close: () => void = () => {}

  constructor(folder: string, name: string) {
    try {
      const { address, close } = addressOf(folder, name)
      this.#close = close
      const workerData = { address, state: this.#state }
      this.#worker = new Worker(PROGRAM, { eval: true, workerData, execArgv: [] })
      this.#worker.on('error', () => {}).unref()
    } catch {
      // Without a thread it stays unknown, and the entry counts as alive.
      Atomics.store(this.#state, 0, CLOSED)
    }
  }

  /** The process of the entry has ended, or has closed it. */
  get isRefused(): boolean {
    return Atomics.load(this.#state, 0) === REFUSED
  }

  /** The connection is over, and the entry may be there all the same: ask anew. */
  get isClosed(): boolean {
    return Atomics.load(this.#state, 0) === CLOSED
  }

  /** Blocks until there is an answer, for so many ms at most. */
  answer(ms: number): void {
    Atomics.wait(this.#state, 0, PENDING, ms)
  }

  /** Blocks until something has changed, for so many ms at most. */
  pause(ms: number): void {
    const seen = Atomics.load(this.#state, 0)
    // Once it is over nothing changes any more.
    if (seen === PENDING || seen === CONNECTED) Atomics.wait(this.#state, 0, seen, ms)
    else sleep(ms)
  }

  end(): void {
    void this.#worker?.terminate()
    this.#close()
  }
}
