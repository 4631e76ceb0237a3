// What SingleFlight and Lazy look like to a compiler.

import { type FlightTask, Lazy, SingleFlight } from 'latchkey'
import { expectAssignable, expectError, expectType } from 'tsd'

const flights = new SingleFlight({ name: 'users' })
expectType<SingleFlight<string>>(flights)
expectType<Promise<number>>(flights.run('a', () => 1 as number))
expectType<Promise<string>>(flights.run('a', async signal => (signal.aborted ? 'a' : 'b') as string))
expectType<Promise<void>>(flights.run('a', () => {}))
expectType<boolean>(flights.forget('a'))
expectType<IterableIterator<string>>(flights.keys())
expectAssignable<AsyncDisposable>(flights)
expectError(flights.run(1, () => 1))
expectError(flights.run('a', { timeout: 5 }, () => 1))
expectError(flights.run('a', () => 1, { signal: new AbortController() }))

const byId = new SingleFlight<number>()
expectType<IterableIterator<number>>(byId.keys())
expectError(byId.has('1'))

const lazy = new Lazy(async signal => ({ port: signal.aborted ? 0 : 8080 }))
expectType<Promise<{ port: number }>>(lazy.get({ timeout: 5 }))
expectType<{ port: number } | undefined>(lazy.peek())
expectType<boolean>(lazy.ready)
expectAssignable<AsyncDisposable>(lazy)
expectError(new Lazy())
expectError(new Lazy(Promise.resolve(1)))

const task: FlightTask<number> = signal => signal.addEventListener.length
expectType<Promise<number>>(new Lazy(task).get())
