import { usePreferredDark, useDark } from "@vueuse/core";
import { shallowRef, inject, computed, ref, watch, onUnmounted, reactive, markRaw, readonly, nextTick, defineComponent, h } from "vue";
function deserializeFunctions(r) {
  return Array.isArray(r) ? r.map(deserializeFunctions) : typeof r == "object" && r !== null ? Object.keys(r).reduce((t, n) => (t[n] = deserializeFunctions(r[n]), t), {}) : typeof r == "string" && r.startsWith("_vp-fn_") ? new Function(`return ${r.slice(7)}`)() : r;
}
const siteData = deserializeFunctions(JSON.parse('{"lang":"en","dir":"ltr","title":"latchkey","description":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice.","base":"/","head":[],"router":{"prefetchLinks":false},"appearance":true,"themeConfig":{"nav":[{"text":"Guides","link":"/guides","activeMatch":"^/(?!api/|theatre|overhead|$|index)"},{"text":"API","link":"/api/","activeMatch":"^/api/"},{"text":"Lock theatre","link":"/theatre","activeMatch":"^/(theatre|overhead)"}],"sidebar":{"/api/":[{"text":"API reference","link":"/api/","items":[{"text":"latchkey","link":"/api/latchkey/","collapsed":false,"items":[{"text":"Locks","collapsed":false,"items":[{"text":"KeyedMutex","link":"/api/latchkey/classes/KeyedMutex.md"},{"text":"Mutex","link":"/api/latchkey/classes/Mutex.md"},{"text":"WaiterQueue","link":"/api/latchkey/classes/WaiterQueue.md"},{"text":"Barrier","link":"/api/latchkey/classes/Barrier.md"},{"text":"Condition","link":"/api/latchkey/classes/Condition.md"},{"text":"Gate","link":"/api/latchkey/classes/Gate.md"},{"text":"Latch","link":"/api/latchkey/classes/Latch.md"},{"text":"Lazy","link":"/api/latchkey/classes/Lazy.md"},{"text":"Pool","link":"/api/latchkey/classes/Pool.md"},{"text":"ReadWriteLock","link":"/api/latchkey/classes/ReadWriteLock.md"},{"text":"Semaphore","link":"/api/latchkey/classes/Semaphore.md"},{"text":"SingleFlight","link":"/api/latchkey/classes/SingleFlight.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"AcquireOptions","link":"/api/latchkey/interfaces/AcquireOptions.md"},{"text":"LockOptions","link":"/api/latchkey/interfaces/LockOptions.md"},{"text":"WaiterQueueOptions","link":"/api/latchkey/interfaces/WaiterQueueOptions.md"},{"text":"GateOptions","link":"/api/latchkey/interfaces/GateOptions.md"},{"text":"PoolOptions","link":"/api/latchkey/interfaces/PoolOptions.md"},{"text":"PermitOptions","link":"/api/latchkey/interfaces/PermitOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"Lock","link":"/api/latchkey/interfaces/Lock.md"},{"text":"LockRequest","link":"/api/latchkey/interfaces/LockRequest.md"},{"text":"LockObserver","link":"/api/latchkey/interfaces/LockObserver.md"},{"text":"Task","link":"/api/latchkey/type-aliases/Task.md"},{"text":"FlightTask","link":"/api/latchkey/type-aliases/FlightTask.md"},{"text":"PoolLease","link":"/api/latchkey/interfaces/PoolLease.md"},{"text":"ReadLock","link":"/api/latchkey/interfaces/ReadLock.md"},{"text":"WriteLock","link":"/api/latchkey/interfaces/WriteLock.md"},{"text":"Permit","link":"/api/latchkey/interfaces/Permit.md"}]},{"text":"Errors","collapsed":true,"items":[{"text":"LockTimeoutError","link":"/api/latchkey/classes/LockTimeoutError.md"},{"text":"LockCancelledError","link":"/api/latchkey/classes/LockCancelledError.md"},{"text":"LockClosedError","link":"/api/latchkey/classes/LockClosedError.md"},{"text":"QueueFullError","link":"/api/latchkey/classes/QueueFullError.md"},{"text":"BrokenBarrierError","link":"/api/latchkey/classes/BrokenBarrierError.md"},{"text":"DeadlockEdge","link":"/api/latchkey/interfaces/DeadlockEdge.md"},{"text":"DeadlockError","link":"/api/latchkey/classes/DeadlockError.md"},{"text":"LeaseLostError","link":"/api/latchkey/classes/LeaseLostError.md"}]}]},{"text":"latchkey/distributed","link":"/api/latchkey/distributed/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"EngineLock","link":"/api/latchkey/distributed/classes/EngineLock.md"},{"text":"InProcessLock","link":"/api/latchkey/distributed/classes/InProcessLock.md"},{"text":"Validity","link":"/api/latchkey/distributed/classes/Validity.md"},{"text":"Wait","link":"/api/latchkey/distributed/classes/Wait.md"}]},{"text":"Functions","collapsed":true,"items":[{"text":"checkKeyedLock","link":"/api/latchkey/distributed/functions/checkKeyedLock.md"},{"text":"keepAlive","link":"/api/latchkey/distributed/functions/keepAlive.md"},{"text":"instant","link":"/api/latchkey/distributed/functions/instant.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"WaitOptions","link":"/api/latchkey/distributed/interfaces/WaitOptions.md"},{"text":"DistributedOptions","link":"/api/latchkey/distributed/interfaces/DistributedOptions.md"},{"text":"EngineOptions","link":"/api/latchkey/distributed/interfaces/EngineOptions.md"},{"text":"InProcessLockOptions","link":"/api/latchkey/distributed/interfaces/InProcessLockOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"LockClient","link":"/api/latchkey/distributed/type-aliases/LockClient.md"},{"text":"OpenLockClient","link":"/api/latchkey/distributed/type-aliases/OpenLockClient.md"},{"text":"KeyedLockCheck","link":"/api/latchkey/distributed/interfaces/KeyedLockCheck.md"},{"text":"keyedLockChecks","link":"/api/latchkey/distributed/variables/keyedLockChecks.md"},{"text":"LockMode","link":"/api/latchkey/distributed/type-aliases/LockMode.md"},{"text":"KeyHolder","link":"/api/latchkey/distributed/interfaces/KeyHolder.md"},{"text":"Lease","link":"/api/latchkey/distributed/interfaces/Lease.md"},{"text":"KeyedLock","link":"/api/latchkey/distributed/interfaces/KeyedLock.md"},{"text":"FailureMode","link":"/api/latchkey/distributed/type-aliases/FailureMode.md"},{"text":"Guarantees","link":"/api/latchkey/distributed/interfaces/Guarantees.md"},{"text":"SyncPlace","link":"/api/latchkey/distributed/interfaces/SyncPlace.md"},{"text":"EngineGrant","link":"/api/latchkey/distributed/interfaces/EngineGrant.md"},{"text":"Instant","link":"/api/latchkey/distributed/interfaces/Instant.md"},{"text":"Loss","link":"/api/latchkey/distributed/interfaces/Loss.md"}]},{"text":"Errors","collapsed":true,"items":[{"text":"KeyedLockCheckError","link":"/api/latchkey/distributed/classes/KeyedLockCheckError.md"},{"text":"LeaseLostDuringTaskError","link":"/api/latchkey/distributed/classes/LeaseLostDuringTaskError.md"},{"text":"LockEngineErrorCode","link":"/api/latchkey/distributed/type-aliases/LockEngineErrorCode.md"},{"text":"LockEngineError","link":"/api/latchkey/distributed/classes/LockEngineError.md"}]}]},{"text":"latchkey/postgres","link":"/api/latchkey/postgres/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"PostgresLock","link":"/api/latchkey/postgres/classes/PostgresLock.md"}]},{"text":"Functions","collapsed":true,"items":[{"text":"lockInTransaction","link":"/api/latchkey/postgres/functions/lockInTransaction.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"PostgresLockOptions","link":"/api/latchkey/postgres/interfaces/PostgresLockOptions.md"},{"text":"TransactionLockOptions","link":"/api/latchkey/postgres/interfaces/TransactionLockOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"PostgresClient","link":"/api/latchkey/postgres/interfaces/PostgresClient.md"},{"text":"TransactionClient","link":"/api/latchkey/postgres/interfaces/TransactionClient.md"}]}]},{"text":"latchkey/redis","link":"/api/latchkey/redis/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"RedisLock","link":"/api/latchkey/redis/classes/RedisLock.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"RedisLockOptions","link":"/api/latchkey/redis/interfaces/RedisLockOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"IoredisClient","link":"/api/latchkey/redis/interfaces/IoredisClient.md"},{"text":"NodeRedisClient","link":"/api/latchkey/redis/interfaces/NodeRedisClient.md"},{"text":"RedisClient","link":"/api/latchkey/redis/type-aliases/RedisClient.md"},{"text":"IoredisSubscriber","link":"/api/latchkey/redis/interfaces/IoredisSubscriber.md"},{"text":"NodeRedisSubscriber","link":"/api/latchkey/redis/interfaces/NodeRedisSubscriber.md"},{"text":"RedisSubscriber","link":"/api/latchkey/redis/type-aliases/RedisSubscriber.md"}]}]},{"text":"latchkey/local","link":"/api/latchkey/local/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"LocalLock","link":"/api/latchkey/local/classes/LocalLock.md"}]},{"text":"Functions","collapsed":true,"items":[{"text":"lockFile","link":"/api/latchkey/local/functions/lockFile.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"LocalLockOptions","link":"/api/latchkey/local/interfaces/LocalLockOptions.md"},{"text":"SyncWaitOptions","link":"/api/latchkey/local/interfaces/SyncWaitOptions.md"},{"text":"LockFileOptions","link":"/api/latchkey/local/interfaces/LockFileOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"LocalEntry","link":"/api/latchkey/local/interfaces/LocalEntry.md"},{"text":"Access","link":"/api/latchkey/local/type-aliases/Access.md"},{"text":"LocalEngine","link":"/api/latchkey/local/type-aliases/LocalEngine.md"},{"text":"SyncLease","link":"/api/latchkey/local/interfaces/SyncLease.md"}]}]},{"text":"latchkey/web","link":"/api/latchkey/web/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"WebLock","link":"/api/latchkey/web/classes/WebLock.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"WebLockOptions","link":"/api/latchkey/web/interfaces/WebLockOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"WebLockManager","link":"/api/latchkey/web/interfaces/WebLockManager.md"}]}]},{"text":"latchkey/adapters/hub","link":"/api/latchkey/adapters/hub/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"ToolHub","link":"/api/latchkey/adapters/hub/classes/ToolHub.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"RequestOptions","link":"/api/latchkey/adapters/hub/interfaces/RequestOptions.md"},{"text":"CallOptions","link":"/api/latchkey/adapters/hub/type-aliases/CallOptions.md"},{"text":"ConnectOptions","link":"/api/latchkey/adapters/hub/interfaces/ConnectOptions.md"},{"text":"ToolHubOptions","link":"/api/latchkey/adapters/hub/interfaces/ToolHubOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"ToolDefinition","link":"/api/latchkey/adapters/hub/interfaces/ToolDefinition.md"},{"text":"PromptDefinition","link":"/api/latchkey/adapters/hub/interfaces/PromptDefinition.md"},{"text":"ResourceDefinition","link":"/api/latchkey/adapters/hub/interfaces/ResourceDefinition.md"},{"text":"ResourceTemplateDefinition","link":"/api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.md"},{"text":"Meta","link":"/api/latchkey/adapters/hub/type-aliases/Meta.md"},{"text":"PageParams","link":"/api/latchkey/adapters/hub/interfaces/PageParams.md"},{"text":"Page","link":"/api/latchkey/adapters/hub/type-aliases/Page.md"},{"text":"ToolSource","link":"/api/latchkey/adapters/hub/interfaces/ToolSource.md"},{"text":"Kind","link":"/api/latchkey/adapters/hub/type-aliases/Kind.md"},{"text":"DefinitionOf","link":"/api/latchkey/adapters/hub/type-aliases/DefinitionOf.md"},{"text":"ResultOf","link":"/api/latchkey/adapters/hub/type-aliases/ResultOf.md"},{"text":"Method","link":"/api/latchkey/adapters/hub/type-aliases/Method.md"},{"text":"ListedBy","link":"/api/latchkey/adapters/hub/type-aliases/ListedBy.md"},{"text":"PromptOf","link":"/api/latchkey/adapters/hub/type-aliases/PromptOf.md"},{"text":"ResourceOf","link":"/api/latchkey/adapters/hub/type-aliases/ResourceOf.md"},{"text":"ResourceTemplateOf","link":"/api/latchkey/adapters/hub/type-aliases/ResourceTemplateOf.md"},{"text":"PromptResultOf","link":"/api/latchkey/adapters/hub/type-aliases/PromptResultOf.md"},{"text":"ResourceResultOf","link":"/api/latchkey/adapters/hub/type-aliases/ResourceResultOf.md"},{"text":"HubPrompt","link":"/api/latchkey/adapters/hub/interfaces/HubPrompt.md"},{"text":"HubResource","link":"/api/latchkey/adapters/hub/interfaces/HubResource.md"},{"text":"HubResourceTemplate","link":"/api/latchkey/adapters/hub/interfaces/HubResourceTemplate.md"},{"text":"ServerStatus","link":"/api/latchkey/adapters/hub/interfaces/ServerStatus.md"},{"text":"KnownOffer","link":"/api/latchkey/adapters/hub/interfaces/KnownOffer.md"},{"text":"NameConflict","link":"/api/latchkey/adapters/hub/interfaces/NameConflict.md"},{"text":"HubTool","link":"/api/latchkey/adapters/hub/interfaces/HubTool.md"},{"text":"ToolRegistrar","link":"/api/latchkey/adapters/hub/interfaces/ToolRegistrar.md"},{"text":"ToolHandle","link":"/api/latchkey/adapters/hub/interfaces/ToolHandle.md"},{"text":"UpdatableToolHandle","link":"/api/latchkey/adapters/hub/interfaces/UpdatableToolHandle.md"}]},{"text":"Errors","collapsed":true,"items":[{"text":"ToolHubErrorCode","link":"/api/latchkey/adapters/hub/type-aliases/ToolHubErrorCode.md"},{"text":"ToolHubError","link":"/api/latchkey/adapters/hub/classes/ToolHubError.md"}]}]},{"text":"latchkey/adapters/session-manager","link":"/api/latchkey/adapters/session-manager/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"MemorySessionStore","link":"/api/latchkey/adapters/session-manager/classes/MemorySessionStore.md"},{"text":"SessionManager","link":"/api/latchkey/adapters/session-manager/classes/SessionManager.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"SessionOptions","link":"/api/latchkey/adapters/session-manager/interfaces/SessionOptions.md"},{"text":"SessionManagerOptions","link":"/api/latchkey/adapters/session-manager/interfaces/SessionManagerOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"Awaitable","link":"/api/latchkey/adapters/session-manager/type-aliases/Awaitable.md"},{"text":"Session","link":"/api/latchkey/adapters/session-manager/interfaces/Session.md"},{"text":"SessionLease","link":"/api/latchkey/adapters/session-manager/interfaces/SessionLease.md"},{"text":"ReleasableLease","link":"/api/latchkey/adapters/session-manager/interfaces/ReleasableLease.md"},{"text":"SessionLock","link":"/api/latchkey/adapters/session-manager/interfaces/SessionLock.md"},{"text":"SessionStore","link":"/api/latchkey/adapters/session-manager/interfaces/SessionStore.md"},{"text":"SessionManagerOptionsWithCreate","link":"/api/latchkey/adapters/session-manager/interfaces/SessionManagerOptionsWithCreate.md"},{"text":"SessionManagerArguments","link":"/api/latchkey/adapters/session-manager/type-aliases/SessionManagerArguments.md"}]},{"text":"Errors","collapsed":true,"items":[{"text":"SessionNotFoundError","link":"/api/latchkey/adapters/session-manager/classes/SessionNotFoundError.md"},{"text":"SessionStoreTimeoutError","link":"/api/latchkey/adapters/session-manager/classes/SessionStoreTimeoutError.md"}]}]},{"text":"latchkey/testing","link":"/api/latchkey/testing/","collapsed":true,"items":[{"text":"Functions","collapsed":true,"items":[{"text":"check","link":"/api/latchkey/testing/functions/check.md"},{"text":"checkMutex","link":"/api/latchkey/testing/functions/checkMutex.md"},{"text":"checkKeyedMutex","link":"/api/latchkey/testing/functions/checkKeyedMutex.md"},{"text":"checkSemaphore","link":"/api/latchkey/testing/functions/checkSemaphore.md"},{"text":"checkReadWriteLock","link":"/api/latchkey/testing/functions/checkReadWriteLock.md"},{"text":"expectConformance","link":"/api/latchkey/testing/functions/expectConformance.md"},{"text":"explore","link":"/api/latchkey/testing/functions/explore.md"},{"text":"recogniseAll","link":"/api/latchkey/testing/functions/recogniseAll.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"CheckOptions","link":"/api/latchkey/testing/interfaces/CheckOptions.md"},{"text":"ExploreOptions","link":"/api/latchkey/testing/interfaces/ExploreOptions.md"},{"text":"RequestOptions","link":"/api/latchkey/testing/interfaces/RequestOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"Cause","link":"/api/latchkey/testing/interfaces/Cause.md"},{"text":"Breach","link":"/api/latchkey/testing/interfaces/Breach.md"},{"text":"Exploration","link":"/api/latchkey/testing/interfaces/Exploration.md"},{"text":"Guarantee","link":"/api/latchkey/testing/type-aliases/Guarantee.md"},{"text":"FaultKind","link":"/api/latchkey/testing/type-aliases/FaultKind.md"},{"text":"Hints","link":"/api/latchkey/testing/interfaces/Hints.md"},{"text":"Verdict","link":"/api/latchkey/testing/interfaces/Verdict.md"},{"text":"Report","link":"/api/latchkey/testing/interfaces/Report.md"},{"text":"Action","link":"/api/latchkey/testing/type-aliases/Action.md"},{"text":"Step","link":"/api/latchkey/testing/interfaces/Step.md"},{"text":"Schedule","link":"/api/latchkey/testing/type-aliases/Schedule.md"},{"text":"Use","link":"/api/latchkey/testing/type-aliases/Use.md"},{"text":"Release","link":"/api/latchkey/testing/type-aliases/Release.md"},{"text":"Subject","link":"/api/latchkey/testing/interfaces/Subject.md"},{"text":"SubjectFactory","link":"/api/latchkey/testing/type-aliases/SubjectFactory.md"},{"text":"Moment","link":"/api/latchkey/testing/interfaces/Moment.md"},{"text":"Timeline","link":"/api/latchkey/testing/interfaces/Timeline.md"}]},{"text":"Errors","collapsed":true,"items":[{"text":"UnrecognisedError","link":"/api/latchkey/testing/classes/UnrecognisedError.md"}]}]},{"text":"latchkey/monitor","link":"/api/latchkey/monitor/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"Histogram","link":"/api/latchkey/monitor/classes/Histogram.md"},{"text":"LockMonitor","link":"/api/latchkey/monitor/classes/LockMonitor.md"}]},{"text":"Functions","collapsed":true,"items":[{"text":"publishToChannels","link":"/api/latchkey/monitor/functions/publishToChannels.md"},{"text":"measureLocks","link":"/api/latchkey/monitor/functions/measureLocks.md"},{"text":"combineObservers","link":"/api/latchkey/monitor/functions/combineObservers.md"},{"text":"exportToMeter","link":"/api/latchkey/monitor/functions/exportToMeter.md"},{"text":"prometheusText","link":"/api/latchkey/monitor/functions/prometheusText.md"},{"text":"renderTimeline","link":"/api/latchkey/monitor/functions/renderTimeline.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"InstrumentOptions","link":"/api/latchkey/monitor/interfaces/InstrumentOptions.md"},{"text":"TimelineOptions","link":"/api/latchkey/monitor/interfaces/TimelineOptions.md"},{"text":"LockMonitorOptions","link":"/api/latchkey/monitor/interfaces/LockMonitorOptions.md"},{"text":"ReportOptions","link":"/api/latchkey/monitor/interfaces/ReportOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"BusyKey","link":"/api/latchkey/monitor/interfaces/BusyKey.md"},{"text":"ChannelLike","link":"/api/latchkey/monitor/interfaces/ChannelLike.md"},{"text":"DiagnosticsChannelLike","link":"/api/latchkey/monitor/interfaces/DiagnosticsChannelLike.md"},{"text":"PerformanceLike","link":"/api/latchkey/monitor/interfaces/PerformanceLike.md"},{"text":"Distribution","link":"/api/latchkey/monitor/interfaces/Distribution.md"},{"text":"MetricAttributes","link":"/api/latchkey/monitor/type-aliases/MetricAttributes.md"},{"text":"ObservableResultLike","link":"/api/latchkey/monitor/interfaces/ObservableResultLike.md"},{"text":"ObservableLike","link":"/api/latchkey/monitor/interfaces/ObservableLike.md"},{"text":"HistogramLike","link":"/api/latchkey/monitor/interfaces/HistogramLike.md"},{"text":"MeterLike","link":"/api/latchkey/monitor/interfaces/MeterLike.md"},{"text":"AbandonReason","link":"/api/latchkey/monitor/type-aliases/AbandonReason.md"},{"text":"LockCaller","link":"/api/latchkey/monitor/interfaces/LockCaller.md"},{"text":"LockSnapshot","link":"/api/latchkey/monitor/interfaces/LockSnapshot.md"},{"text":"MonitorSnapshot","link":"/api/latchkey/monitor/interfaces/MonitorSnapshot.md"},{"text":"LockWarning","link":"/api/latchkey/monitor/interfaces/LockWarning.md"},{"text":"LockEvent","link":"/api/latchkey/monitor/interfaces/LockEvent.md"},{"text":"LockSpan","link":"/api/latchkey/monitor/interfaces/LockSpan.md"}]}]},{"text":"latchkey/context","link":"/api/latchkey/context/","collapsed":true,"items":[{"text":"Locks","collapsed":true,"items":[{"text":"ReentrantMutex","link":"/api/latchkey/context/classes/ReentrantMutex.md"}]},{"text":"Functions","collapsed":true,"items":[{"text":"detectDeadlocks","link":"/api/latchkey/context/functions/detectDeadlocks.md"}]},{"text":"Options","collapsed":true,"items":[{"text":"DetectorOptions","link":"/api/latchkey/context/interfaces/DetectorOptions.md"},{"text":"TaskOptions","link":"/api/latchkey/context/interfaces/TaskOptions.md"}]},{"text":"Types","collapsed":true,"items":[{"text":"Watchable","link":"/api/latchkey/context/interfaces/Watchable.md"}]},{"text":"Errors","collapsed":true,"items":[{"text":"DeadlockDetector","link":"/api/latchkey/context/interfaces/DeadlockDetector.md"}]}]}]}],"/":[{"text":"Learn","collapsed":false,"items":[{"text":"Getting started with Mutex","link":"/getting-started.md"},{"text":"Limit concurrency with Semaphore","link":"/limiting-concurrency.md"},{"text":"One refresh for all with SingleFlight","link":"/one-refresh-for-all.md"},{"text":"Which lock for which place","link":"/which-lock.md"},{"text":"Which primitive do I need","link":"/primitives/"},{"text":"Coming from another library","link":"/migration.md"},{"text":"Recipes","link":"/recipes/","collapsed":true,"items":[{"text":"Token refresh with RTK Query and axios","link":"/recipes/token-refresh.md"},{"text":"Express, Nest and Next.js","link":"/recipes/web-servers.md"},{"text":"React and Vue","link":"/recipes/react-and-vue.md"},{"text":"A config file and a cron job","link":"/recipes/config-file-and-cron.md"},{"text":"A hub of tools","link":"/recipes/hub.md"},{"text":"A session manager","link":"/recipes/session-manager.md"},{"text":"A graceful shutdown","link":"/recipes/graceful-shutdown.md"},{"text":"Pools: connections and worker threads","link":"/recipes/pools.md"}]}]},{"text":"Locks","collapsed":false,"items":[{"text":"Three ways to hold a lock","link":"/three-ways-to-hold.md"},{"text":"Cancellation and timeouts","link":"/cancellation-and-timeouts.md"},{"text":"Keyed locks","link":"/keyed-locks.md"},{"text":"Semaphore","link":"/primitives/semaphore.md"},{"text":"Read-write lock","link":"/primitives/read-write-lock.md"},{"text":"Pool","link":"/primitives/pool.md"},{"text":"SingleFlight and Lazy","link":"/primitives/single-flight-and-lazy.md"},{"text":"Gate, latch and barrier","link":"/primitives/gate-latch-barrier.md"},{"text":"Condition","link":"/primitives/condition.md"},{"text":"Build your own primitive","link":"/waiter-queue.md"}]},{"text":"Processes and machines","collapsed":false,"items":[{"text":"Processes and machines","link":"/distributed/","collapsed":true,"items":[{"text":"PostgreSQL","link":"/distributed/postgres.md"},{"text":"Fencing","link":"/distributed/fencing.md"},{"text":"Operations","link":"/distributed/operations.md"},{"text":"Redis","link":"/distributed/redis.md"},{"text":"Clients","link":"/distributed/clients.md"},{"text":"Processes of one machine","link":"/distributed/local.md"},{"text":"Tabs and workers","link":"/distributed/web.md"},{"text":"From lock files","link":"/distributed/from-lock-files.md"}]}]},{"text":"Operate","collapsed":true,"items":[{"text":"Monitoring","link":"/monitoring.md"},{"text":"Observing","link":"/observing.md"},{"text":"Deadlocks","link":"/deadlocks.md"},{"text":"Errors","link":"/errors.md"},{"text":"Runtimes and tools","link":"/runtimes.md"}]},{"text":"Verify","collapsed":true,"items":[{"text":"Guarantees","link":"/guarantees.md"},{"text":"Test code that uses locks","link":"/testing-your-code.md"},{"text":"Test your own lock","link":"/testing.md"},{"text":"The command line","link":"/check.md"},{"text":"Other libraries, tested","link":"/field.md"},{"text":"Performance","link":"/performance.md"},{"text":"Mutation testing","link":"/mutation-testing.md"}]},{"text":"Background","collapsed":true,"items":[{"text":"Decisions","link":"/decisions/","collapsed":true,"items":[{"text":"Misuse throws at the call","link":"/decisions/misuse-throws.md"},{"text":"tryAcquire on a closed lock returns undefined","link":"/decisions/try-acquire-on-closed.md"},{"text":"acquireMany takes all or nothing","link":"/decisions/acquire-many-all-or-nothing.md"},{"text":"A lock taken by hand belongs to a task scope, or to no caller","link":"/decisions/locks-by-hand-and-contexts.md"},{"text":"Waiters share a promise","link":"/decisions/waiters-share-a-promise.md"},{"text":"Where the stack of a timeout comes from","link":"/decisions/timeout-stacks.md"},{"text":"No super() where something is made at each acquire","link":"/decisions/no-super-on-hot-paths.md"},{"text":"Internal members are symbols","link":"/decisions/members-are-symbols.md"}]}]},{"text":"More","items":[{"text":"Lock theatre","link":"/theatre"},{"text":"What a lock costs in your browser","link":"/overhead"},{"text":"API reference","link":"/api/"},{"text":"Contributing","link":"/contributing"}]}]},"outline":{"level":[2,3]},"search":{"provider":"local","options":{"miniSearch":{"searchOptions":{"boost":{"title":6,"titles":2,"text":1},"boostDocument":"_vp-fn_(id) => id.includes(\\"/api/\\") ? 0.4 : 1"}}}},"editLink":{"pattern":"https://github.com/latchkey-js/latchkey/edit/main/:path","text":"Edit this page"},"lastUpdated":{"text":"Last updated","formatOptions":{"dateStyle":"medium"}},"footer":{"message":"Released under the <a href=\\"https://github.com/latchkey-js/latchkey/blob/main/LICENSE\\">MIT License</a>. No dependencies.","copyright":"<a href=\\"https://github.com/latchkey-js/latchkey\\">Source</a> · <a href=\\"https://github.com/latchkey-js/latchkey/issues\\">Report a problem</a>"},"notFound":{"title":"This page does not exist","quote":"It may have moved. The guides and the search are the quickest way to it.","linkText":"To the first page"},"socialLinks":[{"icon":{"svg":"<svg viewBox=\\"0 0 24 24\\" fill=\\"none\\" stroke=\\"currentColor\\" stroke-width=\\"2\\" stroke-linecap=\\"round\\"><path d=\\"m8 7-5 5 5 5m8-10 5 5-5 5M13.5 5l-3 14\\"/></svg>"},"link":"https://github.com/latchkey-js/latchkey","ariaLabel":"The repository"}]},"locales":{},"scrollOffset":134,"cleanUrls":false}'));
const __vite_import_meta_env__ = {};
const EXTERNAL_URL_RE = /^(?:[a-z]+:|\/\/)/i;
const APPEARANCE_KEY = "vitepress-theme-appearance";
const HASH_RE = /#.*$/;
const HASH_OR_QUERY_RE = /[?#].*$/;
const INDEX_OR_EXT_RE = /(?:(^|\/)index)?\.(?:md|html)$/;
const inBrowser = typeof document !== "undefined";
const notFoundPageData = {
  relativePath: "404.md",
  filePath: "",
  title: "404",
  description: "Not Found",
  headers: [],
  frontmatter: { sidebar: false, layout: "page" },
  lastUpdated: 0,
  isNotFound: true
};
function isActive(currentPath, matchPath, asRegex = false) {
  if (matchPath === void 0) {
    return false;
  }
  currentPath = normalize(`/${currentPath}`);
  if (asRegex) {
    return new RegExp(matchPath).test(currentPath);
  }
  if (normalize(matchPath) !== currentPath) {
    return false;
  }
  const hashMatch = matchPath.match(HASH_RE);
  if (hashMatch) {
    return (inBrowser ? location.hash : "") === hashMatch[0];
  }
  return true;
}
function normalize(path) {
  return decodeURI(path).replace(HASH_OR_QUERY_RE, "").replace(INDEX_OR_EXT_RE, "$1");
}
function isExternal(path) {
  return EXTERNAL_URL_RE.test(path);
}
function getLocaleForPath(siteData2, relativePath) {
  return Object.keys(siteData2?.locales || {}).find((key) => key !== "root" && !isExternal(key) && isActive(relativePath, `/${key}/`, true)) || "root";
}
function resolveSiteDataByRoute(siteData2, relativePath) {
  const localeIndex = getLocaleForPath(siteData2, relativePath);
  return Object.assign({}, siteData2, {
    localeIndex,
    lang: siteData2.locales[localeIndex]?.lang ?? siteData2.lang,
    dir: siteData2.locales[localeIndex]?.dir ?? siteData2.dir,
    title: siteData2.locales[localeIndex]?.title ?? siteData2.title,
    titleTemplate: siteData2.locales[localeIndex]?.titleTemplate ?? siteData2.titleTemplate,
    description: siteData2.locales[localeIndex]?.description ?? siteData2.description,
    head: mergeHead(siteData2.head, siteData2.locales[localeIndex]?.head ?? []),
    themeConfig: {
      ...siteData2.themeConfig,
      ...siteData2.locales[localeIndex]?.themeConfig
    }
  });
}
function createTitle(siteData2, pageData) {
  const title = pageData.title || siteData2.title;
  const template = pageData.titleTemplate ?? siteData2.titleTemplate;
  if (typeof template === "string" && template.includes(":title")) {
    return template.replace(/:title/g, title);
  }
  const templateString = createTitleTemplate(siteData2.title, template);
  if (title === templateString.slice(3)) {
    return title;
  }
  return `${title}${templateString}`;
}
function createTitleTemplate(siteTitle, template) {
  if (template === false) {
    return "";
  }
  if (template === true || template === void 0) {
    return ` | ${siteTitle}`;
  }
  if (siteTitle === template) {
    return "";
  }
  return ` | ${template}`;
}
function hasTag(head, tag) {
  const [tagType, tagAttrs] = tag;
  if (tagType !== "meta")
    return false;
  const keyAttr = Object.entries(tagAttrs)[0];
  if (keyAttr == null)
    return false;
  return head.some(([type, attrs]) => type === tagType && attrs[keyAttr[0]] === keyAttr[1]);
}
function mergeHead(prev, curr) {
  return [...prev.filter((tagAttrs) => !hasTag(curr, tagAttrs)), ...curr];
}
const INVALID_CHAR_REGEX = /[\u0000-\u001F"#$&*+,:;<=>?[\]^`{|}\u007F]/g;
const DRIVE_LETTER_REGEX = /^[a-z]:/i;
function sanitizeFileName(name) {
  const match = DRIVE_LETTER_REGEX.exec(name);
  const driveLetter = match ? match[0] : "";
  return driveLetter + name.slice(driveLetter.length).replace(INVALID_CHAR_REGEX, "_").replace(/(^|\/)_+(?=[^/]*$)/, "$1");
}
const KNOWN_EXTENSIONS = /* @__PURE__ */ new Set();
function treatAsHtml(filename) {
  if (KNOWN_EXTENSIONS.size === 0) {
    const extraExts = typeof process === "object" && process.env?.VITE_EXTRA_EXTENSIONS || __vite_import_meta_env__?.VITE_EXTRA_EXTENSIONS || "";
    ("3g2,3gp,aac,ai,apng,au,avif,bin,bmp,cer,class,conf,crl,css,csv,dll,doc,eps,epub,exe,gif,gz,ics,ief,jar,jpe,jpeg,jpg,js,json,jsonld,m4a,man,mid,midi,mjs,mov,mp2,mp3,mp4,mpe,mpeg,mpg,mpp,oga,ogg,ogv,ogx,opus,otf,p10,p7c,p7m,p7s,pdf,png,ps,qt,roff,rtf,rtx,ser,svg,t,tif,tiff,tr,ts,tsv,ttf,txt,vtt,wav,weba,webm,webp,woff,woff2,xhtml,xml,yaml,yml,zip" + (extraExts && typeof extraExts === "string" ? "," + extraExts : "")).split(",").forEach((ext2) => KNOWN_EXTENSIONS.add(ext2));
  }
  const ext = filename.split(".").pop();
  return ext == null || !KNOWN_EXTENSIONS.has(ext.toLowerCase());
}
function escapeRegExp(str) {
  return str.replace(/[|\\{}()[\]^$+*?.]/g, "\\$&").replace(/-/g, "\\x2d");
}
const dataSymbol = Symbol();
const siteDataRef = shallowRef(siteData);
function initData(route) {
  const site = computed(() => resolveSiteDataByRoute(siteDataRef.value, route.data.relativePath));
  const appearance = site.value.appearance;
  const isDark = appearance === "force-dark" ? ref(true) : appearance === "force-auto" ? usePreferredDark() : appearance ? useDark({
    storageKey: APPEARANCE_KEY,
    initialValue: () => appearance === "dark" ? "dark" : "auto",
    ...typeof appearance === "object" ? appearance : {}
  }) : ref(false);
  const hashRef = ref(inBrowser ? location.hash : "");
  if (inBrowser) {
    window.addEventListener("hashchange", () => {
      hashRef.value = location.hash;
    });
  }
  watch(() => route.data, () => {
    hashRef.value = inBrowser ? location.hash : "";
  });
  return {
    site,
    theme: computed(() => site.value.themeConfig),
    page: computed(() => route.data),
    frontmatter: computed(() => route.data.frontmatter),
    params: computed(() => route.data.params),
    lang: computed(() => site.value.lang),
    dir: computed(() => route.data.frontmatter.dir || site.value.dir),
    localeIndex: computed(() => site.value.localeIndex || "root"),
    title: computed(() => createTitle(site.value, route.data)),
    description: computed(() => route.data.description || site.value.description),
    isDark,
    hash: computed(() => hashRef.value)
  };
}
function useData() {
  const data = inject(dataSymbol);
  if (!data) {
    throw new Error("vitepress data not properly injected in app");
  }
  return data;
}
function joinPath(base, path) {
  return `${base}${path}`.replace(/\/+/g, "/");
}
function withBase(path) {
  return EXTERNAL_URL_RE.test(path) || !path.startsWith("/") ? path : joinPath(siteDataRef.value.base, path);
}
function pathToFile(path) {
  let pagePath = path.replace(/\.html$/, "");
  pagePath = decodeURIComponent(pagePath);
  pagePath = pagePath.replace(/\/$/, "/index");
  {
    if (inBrowser) {
      const base = "/";
      pagePath = sanitizeFileName(pagePath.slice(base.length).replace(/\//g, "_") || "index") + ".md";
      let pageHash = __VP_HASH_MAP__[pagePath.toLowerCase()];
      if (!pageHash) {
        pagePath = pagePath.endsWith("_index.md") ? pagePath.slice(0, -9) + ".md" : pagePath.slice(0, -3) + "_index.md";
        pageHash = __VP_HASH_MAP__[pagePath.toLowerCase()];
      }
      if (!pageHash)
        return null;
      pagePath = `${base}${"assets"}/${pagePath}.${pageHash}.js`;
    } else {
      pagePath = `./${sanitizeFileName(pagePath.slice(1).replace(/\//g, "_"))}.md.js`;
    }
  }
  return pagePath;
}
let contentUpdatedCallbacks = [];
function onContentUpdated(fn) {
  contentUpdatedCallbacks.push(fn);
  onUnmounted(() => {
    contentUpdatedCallbacks = contentUpdatedCallbacks.filter((f) => f !== fn);
  });
}
function getScrollOffset() {
  let scrollOffset = siteDataRef.value.scrollOffset;
  let offset = 0;
  let padding = 24;
  if (typeof scrollOffset === "object" && "padding" in scrollOffset) {
    padding = scrollOffset.padding;
    scrollOffset = scrollOffset.selector;
  }
  if (typeof scrollOffset === "number") {
    offset = scrollOffset;
  } else if (typeof scrollOffset === "string") {
    offset = tryOffsetSelector(scrollOffset, padding);
  } else if (Array.isArray(scrollOffset)) {
    for (const selector of scrollOffset) {
      const res = tryOffsetSelector(selector, padding);
      if (res) {
        offset = res;
        break;
      }
    }
  }
  return offset;
}
function tryOffsetSelector(selector, padding) {
  const el = document.querySelector(selector);
  if (!el)
    return 0;
  const bot = el.getBoundingClientRect().bottom;
  if (bot < 0)
    return 0;
  return bot + padding;
}
const RouterSymbol = Symbol();
const fakeHost = "http://a.com";
const getDefaultRoute = () => ({
  path: "/",
  component: null,
  data: notFoundPageData
});
function createRouter(loadPageModule, fallbackComponent) {
  const route = reactive(getDefaultRoute());
  const router = {
    route,
    go
  };
  async function go(href = inBrowser ? location.href : "/") {
    href = normalizeHref(href);
    if (await router.onBeforeRouteChange?.(href) === false)
      return;
    if (inBrowser && href !== normalizeHref(location.href)) {
      history.replaceState({ scrollPosition: window.scrollY }, "");
      history.pushState({}, "", href);
    }
    await loadPage(href);
    await (router.onAfterRouteChange ?? router.onAfterRouteChanged)?.(href);
  }
  let latestPendingPath = null;
  async function loadPage(href, scrollPosition = 0, isRetry = false) {
    if (await router.onBeforePageLoad?.(href) === false)
      return;
    const targetLoc = new URL(href, fakeHost);
    const pendingPath = latestPendingPath = targetLoc.pathname;
    try {
      let page = await loadPageModule(pendingPath);
      if (!page) {
        throw new Error(`Page not found: ${pendingPath}`);
      }
      if (latestPendingPath === pendingPath) {
        latestPendingPath = null;
        const { default: comp, __pageData } = page;
        if (!comp) {
          throw new Error(`Invalid route component: ${comp}`);
        }
        await router.onAfterPageLoad?.(href);
        route.path = inBrowser ? pendingPath : withBase(pendingPath);
        route.component = markRaw(comp);
        route.data = true ? markRaw(__pageData) : readonly(__pageData);
        if (inBrowser) {
          nextTick(() => {
            let actualPathname = siteDataRef.value.base + __pageData.relativePath.replace(/(?:(^|\/)index)?\.md$/, "$1");
            if (!siteDataRef.value.cleanUrls && !actualPathname.endsWith("/")) {
              actualPathname += ".html";
            }
            if (actualPathname !== targetLoc.pathname) {
              targetLoc.pathname = actualPathname;
              href = actualPathname + targetLoc.search + targetLoc.hash;
              history.replaceState({}, "", href);
            }
            if (targetLoc.hash && !scrollPosition) {
              let target = null;
              try {
                target = document.getElementById(decodeURIComponent(targetLoc.hash).slice(1));
              } catch (e) {
                console.warn(e);
              }
              if (target) {
                scrollTo(target, targetLoc.hash);
                return;
              }
            }
            window.scrollTo(0, scrollPosition);
          });
        }
      }
    } catch (err) {
      if (!/fetch|Page not found/.test(err.message) && !/^\/404(\.html|\/)?$/.test(href)) {
        console.error(err);
      }
      if (!isRetry) {
        try {
          const res = await fetch(siteDataRef.value.base + "hashmap.json");
          window.__VP_HASH_MAP__ = await res.json();
          await loadPage(href, scrollPosition, true);
          return;
        } catch (e) {
        }
      }
      if (latestPendingPath === pendingPath) {
        latestPendingPath = null;
        route.path = inBrowser ? pendingPath : withBase(pendingPath);
        route.component = fallbackComponent ? markRaw(fallbackComponent) : null;
        const relativePath = inBrowser ? pendingPath.replace(/(^|\/)$/, "$1index").replace(/(\.html)?$/, ".md").replace(/^\//, "") : "404.md";
        route.data = { ...notFoundPageData, relativePath };
      }
    }
  }
  if (inBrowser) {
    if (history.state === null) {
      history.replaceState({}, "");
    }
    window.addEventListener("click", (e) => {
      if (e.defaultPrevented || !(e.target instanceof Element) || e.target.closest("button") || // temporary fix for docsearch action buttons
      e.button !== 0 || e.ctrlKey || e.shiftKey || e.altKey || e.metaKey)
        return;
      const link = e.target.closest("a");
      if (!link || link.closest(".vp-raw") || link.hasAttribute("download") || link.hasAttribute("target"))
        return;
      const linkHref = link.getAttribute("href") ?? (link instanceof SVGAElement ? link.getAttribute("xlink:href") : null);
      if (linkHref == null)
        return;
      const { href, origin, pathname, hash, search } = new URL(linkHref, link.baseURI);
      const currentUrl = new URL(location.href);
      if (origin === currentUrl.origin && treatAsHtml(pathname)) {
        e.preventDefault();
        if (pathname === currentUrl.pathname && search === currentUrl.search) {
          if (hash !== currentUrl.hash) {
            history.pushState({}, "", href);
            window.dispatchEvent(new HashChangeEvent("hashchange", {
              oldURL: currentUrl.href,
              newURL: href
            }));
          }
          if (hash) {
            scrollTo(link, hash, link.classList.contains("header-anchor"));
          } else {
            window.scrollTo(0, 0);
          }
        } else {
          go(href);
        }
      }
    }, { capture: true });
    window.addEventListener("popstate", async (e) => {
      if (e.state === null)
        return;
      const href = normalizeHref(location.href);
      await loadPage(href, e.state && e.state.scrollPosition || 0);
      await (router.onAfterRouteChange ?? router.onAfterRouteChanged)?.(href);
    });
    window.addEventListener("hashchange", (e) => {
      e.preventDefault();
    });
  }
  return router;
}
function useRouter() {
  const router = inject(RouterSymbol);
  if (!router) {
    throw new Error("useRouter() is called without provider.");
  }
  return router;
}
function useRoute() {
  return useRouter().route;
}
function scrollTo(el, hash, smooth = false) {
  let target = null;
  try {
    target = el.classList.contains("header-anchor") ? el : document.getElementById(decodeURIComponent(hash).slice(1));
  } catch (e) {
    console.warn(e);
  }
  if (target) {
    let scrollToTarget = function() {
      if (!smooth || Math.abs(targetTop - window.scrollY) > window.innerHeight)
        window.scrollTo(0, targetTop);
      else
        window.scrollTo({ left: 0, top: targetTop, behavior: "smooth" });
    };
    const targetPadding = parseInt(window.getComputedStyle(target).paddingTop, 10);
    const targetTop = window.scrollY + target.getBoundingClientRect().top - getScrollOffset() + targetPadding;
    requestAnimationFrame(scrollToTarget);
  }
}
function normalizeHref(href) {
  const url = new URL(href, fakeHost);
  url.pathname = url.pathname.replace(/(^|\/)index(\.html)?$/, "$1");
  if (siteDataRef.value.cleanUrls)
    url.pathname = url.pathname.replace(/\.html$/, "");
  else if (!url.pathname.endsWith("/") && !url.pathname.endsWith(".html"))
    url.pathname += ".html";
  return url.pathname + url.search + url.hash;
}
const runCbs = () => contentUpdatedCallbacks.forEach((fn) => fn());
const Content = defineComponent({
  name: "VitePressContent",
  props: {
    as: { type: [Object, String], default: "div" }
  },
  setup(props) {
    const route = useRoute();
    const { frontmatter, site } = useData();
    watch(frontmatter, runCbs, { deep: true, flush: "post" });
    return () => h(props.as, site.value.contentProps ?? { style: { position: "relative" } }, [
      route.component ? h(route.component, {
        onVnodeMounted: runCbs,
        onVnodeUpdated: runCbs,
        onVnodeUnmounted: runCbs
      }) : "404 Page Not Found"
    ]);
  }
});
export {
  Content as C,
  EXTERNAL_URL_RE as E,
  RouterSymbol as R,
  isActive as a,
  useRoute as b,
  inBrowser as c,
  createTitle as d,
  initData as e,
  dataSymbol as f,
  getScrollOffset as g,
  createRouter as h,
  isExternal as i,
  useRouter as j,
  escapeRegExp as k,
  mergeHead as m,
  onContentUpdated as o,
  pathToFile as p,
  siteDataRef as s,
  treatAsHtml as t,
  useData as u,
  withBase as w
};
