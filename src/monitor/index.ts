export type { BusyKey } from './busiest-keys.js'
export {
  type ChannelLike,
  type DiagnosticsChannelLike,
  measureLocks,
  type PerformanceLike,
  publishToChannels
} from './channels.js'
export { combineObservers } from './combine.js'
export { type Distribution, Histogram } from './histogram.js'
export { LockMonitor } from './lock-monitor.js'
export {
  exportToMeter,
  type HistogramLike,
  type InstrumentOptions,
  type MeterLike,
  type MetricAttributes,
  type ObservableLike,
  type ObservableResultLike
} from './open-telemetry.js'
export { prometheusText } from './prometheus.js'
export type { AbandonReason } from './reasons.js'
export { renderTimeline, type TimelineOptions } from './timeline.js'
export type {
  LockCaller,
  LockEvent,
  LockMonitorOptions,
  LockSnapshot,
  LockSpan,
  LockWarning,
  MonitorSnapshot,
  ReportOptions
} from './types.js'
