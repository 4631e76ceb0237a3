// What exporters say, read by the tools that read it in a program: a parser of Prometheus text and prom-client, the SDK of
// OpenTelemetry, diagnostics_channel, and the performance timeline.

import diagnosticsChannel from 'node:diagnostics_channel'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { KeyedMutex, Mutex, Semaphore } from 'latchkey'
import {
  exportToMeter,
  type LockEvent,
  LockMonitor,
  measureLocks,
  prometheusText,
  publishToChannels
} from 'latchkey/monitor'
import parsePrometheus from 'parse-prometheus-text-format'
import { Histogram as ReferenceHistogram, Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FAKED } from '../properties/settings.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Holds of 3, 30 and 300 ms; waits of 3 and 33 ms, and one of 20 ms that is given up; one that holds, one that waits. */
async function load(monitor: LockMonitor, name = 'tools') {
  const mutex = new Mutex({ name, observer: monitor })
  const calls = [mutex.acquire(), mutex.acquire(), mutex.acquire()]
  const late = mutex.acquire({ timeout: 20 }).catch(() => {})
  for (const [index, ms] of [3, 30, 300].entries()) {
    const lock = await calls[index]!
    vi.advanceTimersByTime(ms)
    if (index === 1) await late
    lock.release()
  }
  await mutex.acquire()
  void mutex.acquire()
  vi.advanceTimersByTime(2000)
  return mutex
}

describe('Prometheus', () => {
  test('a parser reads every metric, and prom-client writes the same histogram', async () => {
    const monitor = new LockMonitor()
    await load(monitor)
    const families = parsePrometheus(prometheusText(monitor))
    const values = Object.fromEntries(families.flatMap(({ name, metrics }) => metrics.map(metric => [name, metric])))
    const labels = { name: 'tools', kind: 'Mutex' }
    expect(values).toMatchObject({
      latchkey_lock_acquisitions_total: { value: '4', labels },
      latchkey_lock_contended_total: { value: '4', labels },
      latchkey_lock_waiting: { value: '1', labels },
      latchkey_lock_held: { value: '1', labels },
      latchkey_lock_oldest_wait_seconds: { value: '2', labels },
      latchkey_lock_oldest_hold_seconds: { value: '2', labels },
      latchkey_lock_abandoned_total: { value: '1', labels: { ...labels, reason: 'timeout' } }
    })
    expect(families.map(({ name, type }) => [name, type])).toEqual([
      ['latchkey_lock_acquisitions_total', 'COUNTER'],
      ['latchkey_lock_contended_total', 'COUNTER'],
      ['latchkey_lock_waiting', 'GAUGE'],
      ['latchkey_lock_held', 'GAUGE'],
      ['latchkey_lock_oldest_wait_seconds', 'GAUGE'],
      ['latchkey_lock_oldest_hold_seconds', 'GAUGE'],
      ['latchkey_lock_abandoned_total', 'COUNTER'],
      ['latchkey_lock_wait_duration_seconds', 'HISTOGRAM'],
      ['latchkey_lock_hold_duration_seconds', 'HISTOGRAM']
    ])

    const name = 'latchkey_lock_hold_duration_seconds'
    const own = families.find(family => family.name === name)!
    const registry = new Registry()
    const limits = Object.keys(own.metrics[0]!.buckets!).filter(limit => limit !== '+Inf')
    const buckets = limits.map(Number).sort((a, b) => a - b)
    const reference = new ReferenceHistogram({
      name,
      help: own.help,
      labelNames: ['name', 'kind'],
      buckets,
      registers: [registry]
    })
    for (const ms of [3, 30, 300]) reference.observe(labels, ms / 1000)
    expect([own]).toEqual(parsePrometheus(await registry.metrics()))
  })

  test('what is longer than the last bucket is counted all the same', async () => {
    const monitor = new LockMonitor()
    const mutex = new Mutex({ observer: monitor })
    for (const ms of [1000, 100_000]) {
      const lock = await mutex.acquire()
      vi.advanceTimersByTime(ms)
      lock.release()
    }
    const lines = prometheusText(monitor).split('\n')
    const lineValue = (name: string) =>
      lines
        .find(line => line.startsWith(name))
        ?.split(' ')
        .at(-1)
    const hold = 'latchkey_lock_hold_duration_seconds'
    expect(lineValue(`${hold}_bucket{kind="Mutex",le="60"}`)).toBe('1')
    expect(lineValue(`${hold}_bucket{kind="Mutex",le="+Inf"}`)).toBe('2')
    expect(lineValue(`${hold}_count`)).toBe('2')
    expect(lineValue(`${hold}_sum`)).toBe('101')
  })

  test('a name may have quotes, backslashes and line breaks', () => {
    const monitor = new LockMonitor()
    new Mutex({ name: 'a\\n"b"\nc', observer: monitor }).tryAcquire()
    expect(prometheusText(monitor)).toContain('latchkey_lock_held{name="a\\\\n\\"b\\"\\nc",kind="Mutex"} 1')
  })

  // The parser leaves `_sum` and `_count` out where there are labels, so the text is read line by line. Several of each
  // kind: two locks, waits and holds of different lengths, two that wait and two that hold, two reasons.
  test('every number is what a list of all that happened gives', async () => {
    const monitor = new LockMonitor()
    const waits: Record<string, number[]> = {}
    const holds: Record<string, number[]> = {}
    const reasons: Record<string, number> = {}
    for (const [name, lengths] of [
      ['one', [4, 30, 300, 8]],
      ['two', [12, 2]]
    ] as const) {
      const semaphore = new Semaphore(2, { name, observer: monitor })
      waits[name] = []
      holds[name] = []
      for (const ms of lengths) {
        const both = [await semaphore.acquire(), await semaphore.acquire()]
        const next = semaphore.acquire()
        const late = semaphore.acquire({ timeout: ms / 2 }).catch(() => {})
        const signal = AbortSignal.abort()
        await semaphore.acquire({ signal }).catch(() => {})
        vi.advanceTimersByTime(ms)
        await late
        waits[name].push(ms / 2, ms)
        both[0]?.release()
        holds[name].push(ms)
        vi.advanceTimersByTime(2)
        both[1]?.release()
        holds[name].push(ms + 2)
        ;(await next).release()
        holds[name].push(2)
      }
      reasons[name] = lengths.length
      await semaphore.acquire()
      vi.advanceTimersByTime(5)
      await semaphore.acquire()
      vi.advanceTimersByTime(5)
      void semaphore.acquire()
      vi.advanceTimersByTime(5)
      void semaphore.acquire()
      vi.advanceTimersByTime(name === 'one' ? 100 : 1000)
    }
    const values = new Map(
      prometheusText(monitor)
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('#'))
        .map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
    )
    const sum = (list: number[]) => list.reduce((total, ms) => total + ms, 0) / 1000
    for (const name of ['one', 'two']) {
      const labels = `name="${name}",kind="Semaphore"`
      const value = (metric: string, more = '') => values.get(`latchkey_lock_${metric}{${labels}${more}}`)
      for (const [kind, list] of [
        ['wait', waits[name]!],
        ['hold', holds[name]!]
      ] as const) {
        expect(value(`${kind}_duration_seconds_sum`)).toBeCloseTo(sum(list), 9)
        expect(value(`${kind}_duration_seconds_count`)).toBe(list.length)
        expect(value(`${kind}_duration_seconds_bucket`, ',le="+Inf"')).toBe(list.length)
        expect(value(`${kind}_duration_seconds_bucket`, ',le="0.1"')).toBe(list.filter(ms => ms <= 100).length)
        expect(value(`${kind}_duration_seconds_bucket`, ',le="0.005"')).toBe(list.filter(ms => ms <= 5).length)
      }
      expect(value('abandoned_total', ',reason="timeout"')).toBe(reasons[name])
      expect(value('abandoned_total', ',reason="aborted"')).toBe(reasons[name])
      expect(value('acquisitions_total')).toBe(3 * reasons[name]! + 2)
      expect(value('contended_total')).toBe(2 * reasons[name]! + 2)
      expect([value('waiting'), value('held')]).toEqual([2, 2])
    }
    // The first of two that wait, and of two that hold; all that came after it has passed since.
    const of = (metric: string) =>
      ['one', 'two'].map(name => values.get(`latchkey_lock_${metric}{name="${name}",kind="Semaphore"}`))
    const sinceOne = 12 + 2 + 2 + 2 + 15 + 1000 // all that the second lock took
    expect(of('oldest_wait_seconds')[1]).toBeCloseTo(1.005, 9)
    expect(of('oldest_hold_seconds')[1]).toBeCloseTo(1.015, 9)
    expect(of('oldest_hold_seconds')[0]! - of('oldest_wait_seconds')[0]!).toBeCloseTo(0.01, 9)
    expect(of('oldest_wait_seconds')[0]).toBeCloseTo((105 + sinceOne) / 1000, 9)
  })

  test('any name is escaped', async () => {
    const monitor = new LockMonitor()
    const name = 'a "name" \\ of\ntwo lines'
    new Mutex({ name, observer: monitor }).tryAcquire()
    const [first] = parsePrometheus(prometheusText(monitor))
    expect(first?.metrics[0]?.labels?.name).toBe(name)
  })

  test('no two series are the same, whatever locks are called', async () => {
    const monitor = new LockMonitor({ maxLocks: 6 })
    const locks = [
      new Mutex({ observer: monitor }),
      new Mutex({ name: 'Mutex', observer: monitor }),
      new KeyedMutex({ name: 'Mutex', observer: monitor }),
      new Mutex({ name: '', observer: monitor })
    ]
    for (const lock of locks) lock.tryAcquire('key' as never)
    for (const source of [
      { label: 'Mutex "a"' },
      { label: 'Mutex "a"', options: { name: 'a' } },
      { label: 'Mutex "b"', options: { name: 'a' } },
      { label: '(others)' }
    ])
      monitor.granted({ source, keys: [] })
    const series = prometheusText(monitor)
      .split('\n')
      .filter(line => line.startsWith('latchkey_lock_acquisitions_total'))
      .map(line => line.replace(/ \d+$/, ''))
    expect(series).toHaveLength(7)
    expect(new Set(series).size).toBe(series.length)
  })

  test('a monitor that has seen nothing says nothing, and is still read', () => {
    expect(parsePrometheus(prometheusText(new LockMonitor())).flatMap(({ metrics }) => metrics)).toEqual([])
  })
})

describe('OpenTelemetry', () => {
  test('its SDK collects counters, gauges and histograms, with names and units', async () => {
    vi.useRealTimers()
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 })
    const provider = new MeterProvider({ readers: [reader] })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const monitor = new LockMonitor()
    const stop = exportToMeter(monitor, provider.getMeter('latchkey'))
    await load(monitor)
    vi.useRealTimers()
    const collect = async () => {
      exporter.reset()
      await reader.forceFlush()
      const metrics = exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      return Object.fromEntries(
        metrics.map(({ descriptor, dataPoints }) => [`${descriptor.name} in ${descriptor.unit}`, dataPoints])
      )
    }
    const attributes = { 'latchkey.lock.name': 'tools', 'latchkey.lock.kind': 'Mutex' }
    const one = (value: unknown, more = {}) => [
      expect.objectContaining({ value, attributes: { ...attributes, ...more } })
    ]
    const collected = await collect()
    expect(collected).toMatchObject({
      'latchkey.lock.acquisitions in {acquisition}': one(4),
      'latchkey.lock.contended in {request}': one(4),
      'latchkey.lock.waiting in {request}': one(1),
      'latchkey.lock.held in {holder}': one(1),
      'latchkey.lock.abandoned in {request}': one(1, { 'latchkey.lock.reason': 'timeout' }),
      'latchkey.lock.wait.duration in s': one(expect.objectContaining({ count: 3, max: 0.033 })),
      'latchkey.lock.hold.duration in s': one(expect.objectContaining({ count: 3, min: 0.003, max: 0.3 }))
    })
    expect(Object.keys(collected)).toContain('latchkey.lock.oldest_wait in s')
    const { buckets } = collected['latchkey.lock.hold.duration in s']![0]!.value as {
      buckets: { boundaries: number[] }
    }
    expect(buckets.boundaries).toEqual(expect.arrayContaining([0.0001, 0.001, 1, 60]))

    stop()
    new Mutex({ name: 'later', observer: monitor }).tryAcquire()?.release()
    expect(JSON.stringify(await collect())).not.toContain('later')
    await provider.shutdown()
  })
})

describe('diagnostics_channel', () => {
  test('publishes each kind on its channel, to those who subscribe', async () => {
    const published: string[] = []
    const types = ['acquire', 'release', 'abandon', 'contended'] as const
    const subscribers = types.map(type => {
      const note = (message: unknown) => {
        const { type: told, id, name } = message as LockEvent
        published.push(`${type} ${told} ${id} ${name}`)
      }
      diagnosticsChannel.subscribe(`latchkey:${type}`, note)
      return () => diagnosticsChannel.unsubscribe(`latchkey:${type}`, note)
    })
    const monitor = new LockMonitor()
    const stop = publishToChannels(monitor, diagnosticsChannel)
    const mutex = new Mutex({ name: 'm', observer: monitor })
    const lock = await mutex.acquire()
    const next = mutex.acquire()
    await mutex.acquire({ timeout: 0 }).catch(() => {})
    lock.release()
    ;(await next).release()
    const all = ['acquire acquire 1 m', 'contended contended 2 m', 'abandon abandon 3 m', 'release release 1 m']
    expect(published).toEqual([...all, 'acquire acquire 2 m', 'release release 2 m'])
    for (const unsubscribe of subscribers) unsubscribe()
    mutex.tryAcquire()?.release()
    stop()
    expect(published).toHaveLength(6)
  })
})

describe('the performance timeline', () => {
  test('has an entry for each wait and each hold, where it began and as long as it was', async () => {
    vi.useRealTimers()
    const monitor = new LockMonitor()
    const stop = measureLocks(monitor)
    const locks = new KeyedMutex<string>({ name: 'users', observer: monitor })
    const lock = await locks.acquire('ann')
    const next = locks.acquire('ann')
    const controller = new AbortController()
    const late = locks.acquire('ann', { signal: controller.signal }).catch(() => {})
    controller.abort()
    await late
    lock.release()
    ;(await next).release()
    stop()
    locks.tryAcquire('bob')?.release()
    const entries = performance.getEntriesByType('measure').filter(({ name }) => name.includes('users'))
    const spans = monitor.timeline()
    for (const { name, startTime, duration, detail } of entries as PerformanceMeasure[]) {
      const kind = name.startsWith('hold') ? 'hold' : 'wait'
      const span = spans.find(({ id, kind: own }) => id === detail.id && own === kind)!
      expect([startTime, startTime + duration]).toEqual([expect.closeTo(span.from, 3), expect.closeTo(span.to, 3)])
    }
    expect(entries.map(({ name }) => name).sort()).toEqual([
      'given up: KeyedMutex "users"',
      'hold of KeyedMutex "users"',
      'hold of KeyedMutex "users"',
      'wait for KeyedMutex "users"'
    ])
    performance.clearMeasures()
  })
})
