// Servers come, change, fail and go while their lists are on the way and the registrar is slow, in every order that the
// scheduler can think of. In the end the registry holds what the connected servers offer, no more and no less.

import fc from 'fast-check'
import { ToolHub, type ToolSource } from 'latchkey/adapters/hub'
import { expect, test } from 'vitest'
import { names, outcome, StrictRegistrar, settled, tool } from './fakes.js'

type Command =
  | { do: 'connect'; id: string; offers: string[]; fails: number[] }
  | { do: 'disconnect'; id: string }
  | { do: 'change'; id: string; offers: string[] }
  | { do: 'refresh'; id: string | undefined }
  | { do: 'abort'; id: string }

const id = fc.constantFrom('a', 'b', 'c')
const offers = fc.uniqueArray(fc.constantFrom('x', 'y', 'z', 'x2'))
const fails = fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 2 })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), id, offers, fails }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('disconnect' as const), id }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), id, offers }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('refresh' as const), id: fc.option(id, { nil: undefined }) })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), id }) }
)

/** A server that reads what it offers some time after it is asked, and answers some time after that. */
class DriftingServer implements ToolSource {
  offers: string[]
  asked = 0
  running = 0
  /** Whether two of its lists were under way at once. */
  overlapped = false
  readonly #fails: Set<number>
  readonly #pace: (what: string) => Promise<void>

  constructor(offers: string[], fails: number[], pace: (what: string) => Promise<void>) {
    this.offers = offers
    this.#fails = new Set(fails)
    this.#pace = pace
  }

  async listTools(_?: unknown, { signal }: { signal?: AbortSignal } = {}) {
    // A listing that was aborted goes on over there, unheard.
    this.overlapped ||= ++this.running > 1
    signal?.addEventListener('abort', () => this.running--)
    const turn = ++this.asked
    await this.#pace('list arrives')
    const tools = this.offers.map(name => tool(name))
    await this.#pace('list is sent')
    if (!signal?.aborted) this.running--
    if (this.#fails.has(turn)) throw new Error('died')
    return { tools }
  }

  async callTool(): Promise<void> {}
}

interface Attempt {
  id: string
  server: DriftingServer
  connected: ReturnType<typeof outcome>
  patience: AbortController
  /** Whether `disconnect` was called since. */
  ended: boolean
}

async function play(s: fc.Scheduler, commands: Command[], naming: 'prefix' | 'plain') {
  const pace = (what: string) => s.schedule(Promise.resolve(), what)
  const registrar = new StrictRegistrar()
  registrar.pace = () => pace('registrar')
  const hub = new ToolHub({ naming, registrar })
  const attempts: Attempt[] = []
  const current = (id: string) => attempts.findLast(attempt => attempt.id === id && !attempt.ended)

  /** A server that failed says so by rejecting, and is asked again. */
  const refresh = (id: string | undefined): Promise<void> =>
    hub.refresh(id).catch(error => {
      const died = error.message === 'died' || error.errors?.some((one: Error) => one.message === 'died')
      return died ? refresh(id) : undefined
    })

  s.scheduleSequence(
    commands.map(command => async () => {
      if (command.do === 'connect') {
        const { id } = command
        const server = new DriftingServer(command.offers, command.fails, pace)
        const patience = new AbortController()
        const connected = outcome(hub.connect(id, server, patience))
        attempts.push({ id, server, connected, patience, ended: false })
      } else if (command.do === 'disconnect') {
        void hub.disconnect(command.id)
        for (const attempt of attempts) if (attempt.id === command.id) attempt.ended = true
        expect(hub.tools().filter(({ serverId }) => serverId === command.id)).toEqual([])
      } else if (command.do === 'change') {
        // Whoever is connected under the id: attempts that were refused as second do no harm.
        for (const { id, ended, server } of attempts) if (id === command.id && !ended) server.offers = command.offers
        void pace('notification').then(() => refresh(command.id))
      } else if (command.do === 'refresh') {
        void refresh(command.id)
      } else {
        current(command.id)?.patience.abort(new Error('enough'))
      }
    })
  )
  await s.waitIdle()
  await settled()

  expect(attempts.filter(({ connected }) => connected.state === 'pending')).toEqual([])
  const connected = attempts.filter(({ connected, ended }) => connected.state === 'resolved' && !ended)
  expect(new Set(connected.map(({ id }) => id)).size).toBe(connected.length)
  expect(attempts.filter(({ server }) => server.overlapped)).toEqual([])
  expect(registrar.faults).toEqual([])
  expect(registrar.names.toSorted()).toEqual(names(hub).toSorted())
  return { hub, registrar, connected, attempts }
}

const commands = fc.array(command, { minLength: 1, maxLength: 16 })

test('the registry ends with what the connected servers offer, each tool once', async () => {
  const seen = { connected: 0, refused: 0, tools: 0 }
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), commands, async (s, commands) => {
      const { hub, registrar, connected, attempts } = await play(s, commands, 'prefix')
      const offered = connected.flatMap(({ id, server }) => server.offers.map(name => `${id}__${name}`))
      expect(names(hub).toSorted()).toEqual(offered.toSorted())

      seen.connected += connected.length
      seen.refused += attempts.length - connected.length
      seen.tools += offered.length

      const closed = hub.close()
      await s.waitIdle()
      await closed
      expect(registrar.names).toEqual([])
    }),
    { seed: 20_260, numRuns: 500 }
  )
  // The runs were about something.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(300)
})

test('with plain names, each has one owner, and only who is connected owns any', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), commands, async (s, commands) => {
      const { hub, registrar, connected } = await play(s, commands, 'plain')
      expect(new Set(names(hub)).size).toBe(names(hub).length)
      const ids = new Set(connected.map(({ id }) => id))
      expect(hub.tools().filter(({ serverId }) => !ids.has(serverId))).toEqual([])
      for (const exposed of registrar.held.values()) expect(hub.tools()).toContain(exposed)
    }),
    { seed: 20_260, numRuns: 300 }
  )
})
