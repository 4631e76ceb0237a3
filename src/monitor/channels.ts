// What happens, told to those that listen: on channels of `node:diagnostics_channel`, and as entries of the performance
// timeline. Both are passed in or global, so nothing of Node is imported.

import { check, checkFunction } from '../core/arguments.js'
import type { LockMonitor } from './lock-monitor.js'
import type { LockEvent } from './types.js'

/** A channel that messages are published on. */
export interface ChannelLike {
  readonly hasSubscribers: boolean
  /** Tells the subscribers. */
  publish(message: unknown): void
}

/** The part of `node:diagnostics_channel` that is used. */
export interface DiagnosticsChannelLike {
  /** The channel of a name. */
  channel(name: string): ChannelLike
}

/**
 * Publishes every `LockEvent` of `monitor` on the channel of its kind: `latchkey:acquire`, `latchkey:release`,
 * `latchkey:abandon` and `latchkey:contended`. Until the function that is returned is called.
 *
 * @param diagnosticsChannel the module `node:diagnostics_channel`
 * @throws TypeError if it is another.
 */
export function publishToChannels(monitor: LockMonitor, diagnosticsChannel: DiagnosticsChannelLike): () => void {
  const source = 'publishToChannels'
  const isObject = typeof diagnosticsChannel === 'object' && diagnosticsChannel !== null
  check(isObject, source, 'diagnosticsChannel', 'the module node:diagnostics_channel', diagnosticsChannel)
  checkFunction(source, 'diagnosticsChannel.channel', diagnosticsChannel.channel)
  const types = ['acquire', 'release', 'abandon', 'contended'] as const
  const channels = new Map(types.map(type => [type, diagnosticsChannel.channel(`latchkey:${type}`)]))
  return monitor.subscribe(event => {
    const channel = channels.get(event.type)
    if (channel?.hasSubscribers) channel.publish(event)
  })
}

/** The part of `performance` that is used. */
export interface PerformanceLike {
  /** Adds an entry to the timeline. */
  measure(name: string, options: { start: number; end: number; detail?: unknown }): unknown
}

/**
 * Adds an entry to the performance timeline for each wait and each hold that ends, so that they show in the developer
 * tools of a browser and of Node: `wait for Mutex "tools"`, `hold of Mutex "tools"`. The monitor's clock has to be
 * `performance.now`, as it is by default. Until the function that is returned is called.
 *
 * The platform keeps all entries until `performance.clearMeasures` is called, so this is for an investigation, not for
 * every day.
 *
 * @throws TypeError if `target` has no `measure`.
 */
export function measureLocks(monitor: LockMonitor, target: PerformanceLike = performance): () => void {
  const source = 'measureLocks'
  check(typeof target === 'object' && target !== null, source, 'target', 'performance', target)
  checkFunction(source, 'target.measure', target.measure)
  const measure = (what: string, { lock, keys, id, at, reason }: LockEvent, duration: number) =>
    target.measure(`${what} ${lock}`, { start: at - duration, end: at, detail: { id, keys, reason } })
  return monitor.subscribe(event => {
    const { type, contended } = event
    if (type === 'release') measure('hold of', event, event.held)
    else if (contended && type === 'acquire') measure('wait for', event, event.waited)
    else if (contended && type === 'abandon') measure('given up:', event, event.waited)
  })
}
