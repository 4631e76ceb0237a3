// The words that people use for what a lock does, and the parameters that they give it. A name is only a hint: what it
// means is found out by trying (shapes.ts). Names are compared in lower case, without underscores.

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

export const ACQUIRE = words(`
  acquire lock take enter wait acquirelock acquireasync lockasync obtain takelock getlock waitforlock p down grab claim
  request reserve hold seize aquire acquiremutex acquirepermit acquireslot waitone waitasync waittoacquire waitforturn
  waitturn turn checkout begin start secure get`)

export const RELEASE = words(`
  release unlock leave exit signal v up give free releaselock put giveback done end yield relinquish post finish
  checkin letgo releasemutex releasepermit releaseslot drop stop set return`)

/** Those that belong together, so that `wait` is answered by `signal` even where there is a `done` as well. */
export const PARTNERS: Readonly<Record<string, readonly string[]>> = {
  acquire: words('release'),
  acquirelock: words('releaselock release'),
  acquireasync: words('release'),
  lock: words('unlock release'),
  lockasync: words('unlock release'),
  enter: words('leave exit'),
  wait: words('signal release post'),
  take: words('give put release leave'),
  obtain: words('release giveback'),
  p: words('v'),
  down: words('up'),
  begin: words('end finish'),
  start: words('end finish stop')
}

export const RUN = words(`
  runexclusive run withlock lock use dispatch synchronize synchronized sync exclusive execute exec enqueue schedule do
  with guard protect perform submit runlocked runwithlock runinlock runinsidelock within atomic atomically serialize
  inlock whilelocked scoped critical criticalsection acquireandrun lockandrun usinglock withmutex runsafe runserial
  runtask add push queue invoke call wrap acquire enter through locked runwith process runonce hold access
  transaction isolate`)

export const TRY = words(`
  tryacquire trylock try trytake tryenter acquiresync acquirenow acquireimmediately tryget locknow trylocksync
  acquireifavailable lockiffree attempt tryacquirelock tryacquiresync attemptlock tryobtain lockifavailable`)

/** How an object that stands for one grant gives it back, as it is written. */
export const RELEASE_OF_GRANT = words(
  'release unlock dispose free giveBack leave exit done close releaseLock end finish letGo signal drop relinquish'
)

/** How one asks for the lock of one key, where there is one for each. */
export const FOR_KEY = words(
  'get for of forkey getlock getmutex lockfor mutexfor getfor getorcreate acquirelockfor key named bykey at getsemaphore'
)

/** Of an object that is handed out at once: the promise that tells when it is granted. */
export const GRANTED = words('ready granted acquired promise wait locked')

export const WAITING = words(`
  waiting pending queuelength waitingcount pendingcount waiters queued queuesize numwaiting nrwaiting waitercount
  waitqueuelength queuedcount numpending numwaiters length size queue`)

export const LOCKED = words('islocked locked isbusy busy isheld held istaken taken acquired isacquired inuse')

export const ENTRIES = words('size keycount keys count')

export const CANCEL = words('cancelwaiters cancel cancelall rejectwaiters rejectall cancelpending abortall')

/** What a parameter may be for. */
export type ParameterRole =
  | 'key'
  | 'task'
  | 'signal'
  | 'options'
  | 'timeout'
  | 'permits'
  | 'owner'
  | 'grant'
  | 'priority'
  | 'mode'
  | 'unknown'

const ROLES: readonly (readonly [ParameterRole, RegExp])[] = [
  [
    'task',
    /^(fn\d?|f|func|function_?|method|routine|procedure|task|tasks?fn|job|callback|cb|work|action|body|block|operation|op|thunk|handler)$/
  ],
  [
    'task',
    /^(critical(section)?|section|producer|callable|execut(e|or)|asyncfn|asyncfunction|asynctask|promise(fn|factory))$/
  ],
  ['task', /(fn|func|function|task|callback|operation)$/],
  ['signal', /^(signal|abortsignal|abort|cancelsignal|sig)$/],
  ['options', /^(options?|opts?|config|settings|params|acquireoptions)$/],
  ['timeout', /^(timeout|timeoutms|ms|maxwait|maxwaitms|waitms|waittimeout|waitfor|maxwaittime|timeoutmillis|millis)$/],
  ['permits', /^(permits?|n|count|weight|amount|units|slots|tokens|cost|num)$/],
  ['owner', /^(owner|ownerid|holder|holderid|who|client|clientid|caller|requester|me|self|by|user|userid)$/],
  ['grant', /^(token|ticket|grant|lock|handle|lease|permit|ticketid|lockid|held|stamp|receipt)$/],
  ['priority', /^(priority|prio)$/],
  ['mode', /^(mode|type|kind|lockmode|locktype)$/],
  ['key', /^(key|keys|k|id|name|resource|path|topic|channel|scope|file|filename|subject|entity|tag|group|lockname)$/],
  ['key', /(key|id|name)$/]
]

/** Not a lock by its name: how many may begin in a time, and not how many may be inside. */
export const saysRate = (text: string): boolean =>
  /rate|throttl|debounc|bucket|persecond|perinterval|perminute|rps\b/i.test(text)

/** A member that never waits, by its name: `acquireOrThrow`, `lockNow`. */
export const saysTry = (name: string): boolean =>
  /^try(?!ing)|orthrow$|ornull$|orfail$|nowait$|immediate(ly)?$|now$|ifavailable$|iffree$/i.test(name)

const MODES: readonly (readonly [string, string])[] = [
  ['read', 'write'],
  ['r', 'w'],
  ['shared', 'exclusive'],
  ['reader', 'writer'],
  ['READ', 'WRITE'],
  ['R', 'W'],
  ['SHARED', 'EXCLUSIVE'],
  ['S', 'X']
]

/** The words for reading and writing that a source compares a mode with, if both are in it. */
export function modesIn(source: string): { read: string; write: string } | undefined {
  const has = (word: string) => new RegExp(`['"\`]${word}['"\`]`).test(source)
  const found = MODES.find(pair => pair.every(has)) ?? MODES.find(pair => pair.some(has))
  return found && { read: found[0], write: found[1] }
}

export const normal = (name: string): string => name.replace(/[^a-z0-9]/gi, '').toLowerCase()

export const roleOf = (parameter: string): ParameterRole =>
  ROLES.find(([, names]) => names.test(normal(parameter)))?.[0] ?? 'unknown'

export const isTimeoutName = (name: string): boolean =>
  /^(timeout|timeoutms|ms|maxwait|maxwaitms|waitms|waittimeout|acquiretimeout|acquiretimeoutms|maxwaittime|waittime)$/.test(
    normal(name)
  )

export const isCapacityName = (name: string): boolean =>
  /^(capacity|permits?|max|maxconcurrent|maxconcurrency|maxparallel|maxactive|maxrunning|maxinflight|maxholders|limit|concurrency|parallel(ism)?|slots|size|count|counter|n|initial(count|permits|value)?|maxcount|tokens|nr|available|free|total|width|places|seats)$/.test(
    normal(name)
  )

export const saysSemaphore = (name: string): boolean =>
  /sem(a|aphore)?$|semaphore|limit(er)?$|throttle|pool/i.test(name)
