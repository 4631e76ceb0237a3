// G11 for `latchkey/monitor`: a wrong argument fails at the call, with a text that names it and shows the value.

import {
  combineObservers,
  exportToMeter,
  LockMonitor,
  type LockMonitorOptions,
  measureLocks,
  publishToChannels,
  renderTimeline
} from 'latchkey/monitor'
import { expect, test } from 'vitest'
import { thrownBy } from '../fixtures/thrown.js'

const monitor = new LockMonitor()
const noop = () => {}
const meter = { createObservableCounter: noop, createObservableGauge: noop }

test.each<[call: string, run: () => unknown, ErrorClass: typeof TypeError | typeof RangeError, text: string]>([
  ...(
    [
      ['options', null, TypeError, 'LockMonitor: options must be an object, got null'],
      ['options', 7, TypeError, 'LockMonitor: options must be an object, got 7']
    ] as const
  ).map(
    ([name, value, ErrorClass, text]) =>
      [`new LockMonitor(${name}: ${value})`, () => new LockMonitor(value as never), ErrorClass, text] as [
        string,
        () => unknown,
        typeof TypeError,
        string
      ]
  ),
  ...(
    [
      ['onWarning', 'log', TypeError, 'must be a function, got "log"'],
      ['maxWait', 0, RangeError, 'must be a number of ms > 0, got 0'],
      ['maxWait', Number.NaN, RangeError, 'must be a number of ms > 0, got NaN'],
      ['maxHold', '5', TypeError, 'must be a number of ms > 0, got "5"'],
      ['stacks', 1, TypeError, 'must be a boolean, got 1'],
      ['keys', -1, RangeError, 'must be a whole number >= 0, got -1'],
      ['keys', Number.POSITIVE_INFINITY, RangeError, 'must be a whole number >= 0, got Infinity'],
      ['timeline', 1.5, RangeError, 'must be a whole number >= 0, got 1.5'],
      ['maxLocks', 0, RangeError, 'must be a whole number >= 1, got 0'],
      ['now', 5, TypeError, 'must be a function, got 5']
    ] as const
  ).map(
    ([name, value, ErrorClass, text]) =>
      [
        `new LockMonitor({ ${name}: ${value} })`,
        () => new LockMonitor({ [name]: value } as LockMonitorOptions),
        ErrorClass,
        `LockMonitor: options.${name} ${text}`
      ] as [string, () => unknown, typeof TypeError, string]
  ),
  ['report', () => monitor.report(5 as never), TypeError, 'LockMonitor: options must be an object, got 5'],
  [
    'report',
    () => monitor.report({ limit: 1.5 }),
    RangeError,
    'LockMonitor: options.limit must be a whole number or Infinity, got 1.5'
  ],
  ['report', () => monitor.report({ limit: 0 }), RangeError, 'LockMonitor: options.limit must be a number >= 1, got 0'],
  ['subscribe', () => monitor.subscribe(7 as never), TypeError, 'LockMonitor: listener must be a function, got 7'],
  [
    'combineObservers',
    () => combineObservers({}, null as never),
    TypeError,
    'combineObservers: observers[1] must be an object, got null'
  ],
  [
    'exportToMeter',
    () => exportToMeter(monitor, undefined as never),
    TypeError,
    'exportToMeter: meter must be a Meter of OpenTelemetry, got undefined'
  ],
  [
    'exportToMeter',
    () => exportToMeter(monitor, meter as never),
    TypeError,
    'exportToMeter: meter.createHistogram must be a function, got undefined'
  ],
  [
    'publishToChannels',
    () => publishToChannels(monitor, {} as never),
    TypeError,
    'publishToChannels: diagnosticsChannel.channel must be a function, got undefined'
  ],
  [
    'measureLocks',
    () => measureLocks(monitor, {} as never),
    TypeError,
    'measureLocks: target.measure must be a function, got undefined'
  ],
  [
    'renderTimeline',
    () => renderTimeline('x' as never),
    TypeError,
    'renderTimeline: spans must be an array of spans, got "x"'
  ],
  [
    'renderTimeline',
    () => renderTimeline([], null as never),
    TypeError,
    'renderTimeline: options must be an object, got null'
  ],
  [
    'renderTimeline',
    () => renderTimeline([], { width: 10 }),
    RangeError,
    'renderTimeline: options.width must be a number >= 300, got 10'
  ],
  [
    'renderTimeline',
    () => renderTimeline([], { maxLanes: 0 }),
    RangeError,
    'renderTimeline: options.maxLanes must be a whole number >= 1, got 0'
  ],
  [
    'renderTimeline',
    () => renderTimeline([], { title: 5 as never }),
    TypeError,
    'renderTimeline: options.title must be a string, got 5'
  ]
])('%s', (_, run, ErrorClass, text) => {
  const thrown = thrownBy(run)
  expect(thrown).toBeInstanceOf(ErrorClass)
  expect((thrown as Error).message).toBe(text)
})
