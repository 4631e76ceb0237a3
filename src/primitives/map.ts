// How a semaphore maps many items: each call of the mapper holds permits of its own.
//
//   pull an item ──▶ wait for its permits ──▶ start its mapper ──▶ pull the next …
//
// The item comes first, and the wait for its permits second: so no permit is held while an async iterable is slow, an
// empty one needs none, and at most one item is pulled that is not started.

import { check, isObject, type Named } from '../core/arguments.js'
import { type AbortTarget, reasonOf, subscribe, unsubscribe } from '../core/cancellation.js'

/**
 * Why no further item is to be pulled: the signal of the caller has aborted, or something has failed. The first reason
 * stands. To the wait for permits it is a signal, one wait at a time.
 */
class Stop implements AbortTarget {
  /** What is called once, when it stops. */
  wake: (() => void) | undefined = undefined
  #failure: { readonly reason: unknown } | undefined = undefined
  #signal: AbortSignal | undefined
  #listener: (() => void) | undefined = undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    if (signal !== undefined) subscribe(signal, this)
  }

  get aborted(): boolean {
    return this.#failure !== undefined || this.#signal?.aborted === true
  }

  get reason(): unknown {
    if (this.#failure !== undefined) return this.#failure.reason
    return this.#signal === undefined ? undefined : reasonOf(this.#signal)
  }

  fail(reason: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { reason: this.aborted ? this.reason : reason }
    this.#tell()
  }

  /** The signal has aborted. */
  abort(): void {
    this.fail(undefined)
  }

  /** Every item was started, or none will be: from now on the signal changes nothing. */
  ignoreSignal(): void {
    if (this.#signal === undefined) return
    if (this.#signal.aborted) this.fail(undefined)
    unsubscribe(this.#signal, this)
    this.#signal = undefined
  }

  addEventListener(_event: string, listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = undefined
  }

  #tell(): void {
    this.wake?.()
    this.#listener?.()
  }
}

/** Either kind of iterator, and which it is. */
interface Source<T> {
  readonly isAsync: boolean
  next(): IteratorResult<T> | PromiseLike<IteratorResult<T>>
  return?(): unknown
}

type AnyIterable<T> = Iterable<T> | AsyncIterable<T>

export function checkIterable(source: Named, iterable: unknown): void {
  const { [Symbol.asyncIterator]: isAsync, [Symbol.iterator]: isSync } = Object(iterable)
  // A string is iterable as well, and hardly ever meant as a list of letters.
  const isIterable = isObject(iterable) || typeof iterable === 'function'
  const ok = isIterable && (typeof isAsync === 'function' || typeof isSync === 'function')
  check(ok, source, 'iterable', 'an iterable or an async iterable', iterable)
}

function open<T>(iterable: AnyIterable<T>): Source<T> {
  const openAsync = (iterable as AsyncIterable<T>)[Symbol.asyncIterator]
  const isAsync = typeof openAsync === 'function'
  const iterator = isAsync ? openAsync.call(iterable) : (iterable as Iterable<T>)[Symbol.iterator]()
  return {
    isAsync,
    next: () => iterator.next(),
    return: () => iterator.return?.()
  }
}

/**
 * @param run runs a task with permits; the task is given them
 * @returns the results in order, once every mapper that was started has ended
 */
export async function mapItems<T, R, P>(
  iterable: AnyIterable<T>,
  mapper: (item: T, index: number, permit: P) => R | PromiseLike<R>,
  run: (task: (permit: P) => R | PromiseLike<R>, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal | undefined
): Promise<R[]> {
  const results: R[] = []
  const running = new Set<Promise<void>>()
  const stop = new Stop(signal)

  /** Resolves when the mapper was started, or never will be. */
  const start = (item: T, index: number) =>
    new Promise<void>(resolve => {
      const task = (permit: P) => {
        resolve()
        try {
          return mapper(item, index, permit)
        } catch (error) {
          stop.fail(error) // at once: the next item is pulled before `run` has rejected
          throw error
        }
      }
      const ended: Promise<void> = run(task, stop as unknown as AbortSignal)
        .then(
          value => {
            results[index] = value
          },
          error => stop.fail(error)
        )
        .then(() => {
          running.delete(ended)
          resolve()
        })
      running.add(ended)
    })

  try {
    const closing = stop.aborted ? undefined : await pull(open(iterable), stop, start)
    stop.ignoreSignal()
    await closing?.done
  } catch (error) {
    stop.fail(error)
    stop.ignoreSignal()
  }
  await Promise.all(running)
  if (stop.aborted) throw stop.reason
  return results
}

/**
 * Starts one item after the other, until there is none or it has to stop.
 *
 * @returns when the iterator, which was told that no more is wanted, is done with that
 */
async function pull<T>(
  source: Source<T>,
  stop: Stop,
  start: (item: T, index: number) => Promise<void>
): Promise<{ done: Promise<unknown> } | undefined> {
  for (let index = 0; !stop.aborted; index++) {
    let result: IteratorResult<T> | undefined
    if (source.isAsync) result = await nextOrStop(source, stop)
    else result = source.next() as IteratorResult<T>
    // An iterator works off its calls in order: its `return` would wait for the `next` that we no longer wait for.
    if (result === undefined) return void close(source)
    check(isObject(result), 'Semaphore', 'what the iterator returned', 'an object', result)
    if (result.done) return undefined
    try {
      if (!stop.aborted) await start(result.value, index)
    } catch (error) {
      stop.fail(error)
    }
  }
  return { done: close(source) }
}

/** The next result; `undefined` if it has to stop before there is one. */
function nextOrStop<T>(source: Source<T>, stop: Stop): Promise<IteratorResult<T> | undefined> {
  return new Promise((resolve, reject) => {
    stop.wake = () => resolve(undefined)
    Promise.resolve(source.next()).then(resolve, reject)
  })
}

/** Tells the iterator that no more is wanted. What goes wrong there does not hide why it stopped. */
async function close(source: Source<unknown>): Promise<void> {
  try {
    await source.return?.()
  } catch {}
}
