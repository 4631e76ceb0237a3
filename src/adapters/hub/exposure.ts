// What the registrar holds. It follows the catalog, and is told by one at a time.

import { type LockObserver, Mutex } from 'latchkey'
import type { Catalog } from './catalog.js'
import { check, has } from './checks.js'
import type { Entry } from './connection.js'
import { throwAll } from './errors.js'
import { toolOf } from './items.js'
import type { DefinitionOf, Kind, ToolHandle, ToolRegistrar, ToolSource, UpdatableToolHandle } from './types.js'

interface Exposed<S extends ToolSource> {
  readonly entry: Entry<S>
  readonly handle: ToolHandle | undefined
}

export class Exposure<S extends ToolSource> {
  readonly #catalog: Catalog<S>
  readonly #registrar: ToolRegistrar<DefinitionOf<S>> | undefined
  readonly #notify: (kinds: Set<Kind>) => void
  /** Changes under `#registry` only. */
  readonly #exposed = new Map<string, Exposed<S>>()
  readonly #registry: Mutex

  /** @param notify is told what has changed, when the registrar has heard of it */
  constructor(
    catalog: Catalog<S>,
    registrar: ToolRegistrar<DefinitionOf<S>> | undefined,
    observer: LockObserver | undefined,
    notify: (kinds: Set<Kind>) => void
  ) {
    this.#catalog = catalog
    this.#registrar = registrar
    this.#notify = notify
    this.#registry = new Mutex({ name: 'ToolHub registrar', observer })
  }

  /**
   * Makes the registrar hold what is offered. Called after each change of the catalog, so the last one to run has seen
   * every change. What the registrar refuses is tried again each time.
   *
   * @param serverId whose failures are reported; absent: those of all
   */
  async follow(serverId?: string): Promise<void> {
    const failures = await this.#registry.runExclusive(() => this.#follow(serverId))
    // Not while another one waits to follow what has changed since.
    if (this.#registry.waiting === 0 && this.#catalog.hasChanged) this.#notify(this.#catalog.takeChanges())
    throwAll(failures, 'the registrar failed for tools')
  }

  async #follow(serverId: string | undefined): Promise<Map<string, unknown>> {
    const failures = new Map<string, unknown>()
    const attempt = async ({ connection, name }: Entry<S>, step: () => Promise<unknown>) => {
      const { id } = connection
      await step().catch(error => {
        if (serverId === undefined || id === serverId) failures.set(name, error)
      })
    }
    for (const [name, { entry, handle }] of this.#exposed) {
      const current = this.#catalog.get('tools', name)
      if (current === entry) continue
      await attempt(entry, async () => {
        if (current !== undefined && isUpdatable(handle)) {
          await handle.update(toolOf(current))
          this.#exposed.set(name, { entry: current, handle })
        } else {
          await handle?.remove()
          this.#exposed.delete(name)
        }
      })
    }
    for (const entry of [...this.#catalog.entries('tools')]) {
      const { name } = entry
      // It may have left while the registrar was told of others.
      if (this.#exposed.has(name) || this.#catalog.get('tools', name) !== entry) continue
      await attempt(entry, async () => {
        const handle = await this.#registrar?.register(toolOf(entry))
        check(
          !this.#registrar || has(handle, 'remove'),
          'what registrar.register returns',
          'an object with a method remove',
          handle
        )
        this.#exposed.set(name, { entry, handle })
      })
    }
    return failures
  }
}

/** The `update` of a `RegisteredTool` takes what that was registered with; it is known by what else it has. */
function isUpdatable(handle: ToolHandle | undefined): handle is UpdatableToolHandle {
  return has(handle, 'update') && !has(handle, 'enable')
}
