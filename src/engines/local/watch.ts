/// <reference types="node" />
// Whether a key is still held: for as long as the file that says so is there.

import { type FSWatcher, watch } from 'node:fs'
import { Losable } from '../losable.js'
import { unref } from '../timers.js'
import type { Held } from './backend.js'

/** How often a watched file is looked at besides, in ms: a folder above it that is renamed tells no watcher. */
const LOOK_MS = 1000

/** Asks the file system at each look, and no clock: a key is held for as long as its file is there. */
export class FileValidity extends Losable {
  readonly #held: Held
  #watcher: FSWatcher | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(held: Held) {
    super()
    this.#held = held
  }

  override get isValid(): boolean {
    if (this.loss === undefined && !this.#held.isThere()) {
      this.#unwatch()
      this.invalidate({ why: `the file that holds it was removed from ${this.#held.path}` })
    }
    return this.loss === undefined
  }

  /** From now on a loss is told without being asked for. Keeps no process alive. */
  watch(): void {
    if (this.#timer !== undefined || this.loss !== undefined) return
    const look = () => void this.isValid
    this.#timer = unref(setInterval(look, LOOK_MS) as never) as never
    try {
      this.#watcher = watch(this.#held.path, { persistent: false }, look)
      this.#watcher.on('error', () => {})
    } catch {
      // No watch is left on this machine. The timer looks.
    }
  }

  override end(): void {
    this.#unwatch()
    super.end()
  }

  #unwatch(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#watcher?.close()
    this.#watcher = undefined
  }
}
