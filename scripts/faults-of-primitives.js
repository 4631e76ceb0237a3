// The deliberate faults of the primitives: see faults.js.

/** @type {import('./faults.js').Fault[]} */
export const FAULTS_OF_PRIMITIVES = [
  // Admission: semaphore and read-write lock.
  {
    name: 'a small request overtakes those who wait',
    file: 'admission',
    find: 'this.closed || this.waiting > 0 || !this.fits(weight)',
    replace: 'this.closed || !this.fits(weight)'
  },
  {
    name: 'a closed primitive is still taken by who does not wait',
    file: 'admission',
    find: 'this.closed || this.waiting > 0 || !this.fits(weight)',
    replace: 'this.waiting > 0 || !this.fits(weight)'
  },
  {
    name: 'a large request that leaves the head lets nobody through',
    file: 'admission',
    find: '(this, () => this.review())',
    replace: '(this, () => {})'
  },
  {
    name: 'only one is let in, though more fit',
    file: 'admission',
    find: 'its signal has aborted, and we had not heard of it\n        continue',
    replace: 'its signal has aborted, and we had not heard of it\n        return'
  },
  {
    name: 'what an unheard abort did not take stays taken',
    file: 'admission',
    find: 'if (!place.grant(line, lock)) this.remove(lock)',
    replace: 'place.grant(line, lock)'
  },
  {
    name: 'a request that will never fit stops all behind it',
    file: 'admission',
    find: 'if (never === undefined) return',
    replace: 'return'
  },
  {
    name: 'a higher priority that fits waits behind a head that does not',
    file: 'admission',
    find: 'this.review() // it may have a higher priority than one at the head that does not fit',
    replace: ''
  },
  {
    name: 'a task whose signal has aborted since the grant is started',
    file: 'admission',
    find: 'runGranted(task, hold, signal)',
    replace: 'runGranted(task, hold)'
  },
  {
    name: 'nobody hears that all has come back',
    file: 'admission',
    find: 'if (this.isFree) this.freed()',
    replace: ''
  },

  // Semaphore.
  {
    name: 'one permit too many',
    file: 'semaphore',
    find: 'return permits <= this.#capacity - this.#out',
    replace: 'return permits <= this.#capacity - this.#out + 1'
  },
  {
    name: 'whatever comes back counts as one permit',
    file: 'semaphore',
    find: 'this.#out -= permit.permits',
    replace: 'this.#out -= 1'
  },
  {
    name: 'a split makes permits from nothing',
    file: 'semaphore',
    find: 'this.permits -= n',
    replace: ''
  },
  {
    name: 'a larger capacity wakes nobody',
    file: 'semaphore',
    find: 'this.review()',
    replace: ''
  },
  {
    name: 'available is less than nothing',
    file: 'semaphore',
    find: 'return Math.max(0, this.#capacity - this.#out)',
    replace: 'return this.#capacity - this.#out'
  },
  {
    name: 'more permits than there are may be asked for',
    file: 'semaphore',
    find: ' && (permits as number) <= this.#capacity',
    replace: ''
  },

  // ReadWriteLock.
  {
    name: 'a reader goes in beside a writer',
    file: 'read-write-lock',
    find: 'return !this.#writing && (weight === READ || this.#readers === 0)',
    replace: 'return weight === READ || (!this.#writing && this.#readers === 0)'
  },
  {
    name: 'a writer goes in beside readers',
    file: 'read-write-lock',
    find: 'return !this.#writing && (weight === READ || this.#readers === 0)',
    replace: 'return !this.#writing'
  },
  {
    name: 'an upgrade does not mind other readers',
    file: 'read-write-lock',
    find: 'if (this.#readers > 1) return undefined',
    replace: ''
  },
  {
    name: 'a downgrade leaves the readers at the head of the line outside',
    file: 'read-write-lock',
    find: 'this.review()',
    replace: ''
  },
  {
    name: 'a downgrade lets a writer in between',
    file: 'read-write-lock',
    find: 'this.#writing = false\n    this.#readers = 1',
    replace: 'this.#writing = false\n    this.review()\n    this.#readers++'
  },

  // Condition.
  {
    name: 'the mutex is not taken again before a wait rejects',
    file: 'condition',
    find: `reason =>
      retake().then(() => {
        throw reason
      })`,
    replace: `reason => {
      retake()
      throw reason
    }`
  },
  {
    name: 'whoever is refused has lost the mutex',
    file: 'condition',
    find: 'if (refuses) return this.join(options) // the mutex is never given up',
    replace: `if (refuses) {
      hold.release()
      return this.join(options)
    }`
  },
  {
    name: 'the mutex is given up a microtask too late',
    file: 'condition',
    find: 'hold.release()\n',
    replace: 'queueMicrotask(() => hold.release())\n'
  },
  {
    name: 'whoever waits holds the mutex in another lock when it is back',
    file: 'condition',
    find: 'fresh => void (fresh as Hold).become(hold)',
    replace: '() => {}'
  },
  {
    name: 'the predicate is called before the mutex is there',
    file: 'condition',
    find: 'return notified.then(retake,',
    replace: 'return notified.then(() => void retake(),'
  },
  {
    name: 'waitFor looks once more only',
    file: 'condition',
    find: 'while (!(await predicate())) await',
    replace: 'if (!(await predicate())) await'
  },
  {
    name: 'waitFor does not await its predicate',
    file: 'condition',
    find: 'while (!(await predicate())) await',
    replace: 'while (!predicate()) await'
  },
  {
    name: 'the timeout of waitFor starts again with every notification',
    file: 'condition',
    find: 'timeout: Math.max(0, deadline - Date.now())',
    replace: 'timeout: options?.timeout ?? deadline'
  },
  {
    name: 'notify wakes one too many',
    file: 'condition',
    find: 'while (woken < n && this.line?.grant()) woken++',
    replace: 'while (woken <= n && this.line?.grant()) woken++'
  },
  {
    name: 'a lock of another mutex will do',
    file: 'condition',
    find: 'lock instanceof Hold && lock.grantor === this.#mutex',
    replace: 'lock instanceof Hold && lock.held'
  },
  {
    name: 'a lock that was released will do',
    file: 'condition',
    find: 'lock instanceof Hold && lock.grantor === this.#mutex',
    replace: 'lock instanceof Hold && (lock.grantor ?? this.#mutex) === this.#mutex'
  },

  // Gate and latch.
  {
    name: 'an opening lets only one pass',
    file: 'passage',
    find: 'while (this.passable && this.line?.grant()) {}',
    replace: 'this.line?.grant()'
  },
  {
    name: 'those pass who come from an observer, and for ever',
    file: 'passage',
    find: 'while (this.passable && this.line?.grant()) {}',
    replace: 'while (this.line?.grant()) {}'
  },
  {
    name: 'a latch is open one too early',
    file: 'latch',
    find: 'return this.#count === 0\n',
    replace: 'return this.#count <= 1\n'
  },
  {
    name: 'a latch counts below 0, and is not open there',
    file: 'latch',
    find: 'this.#count = Math.max(0, this.#count - n)',
    replace: 'this.#count -= n'
  },
  {
    name: 'a gate that is open already lets nobody pass at once',
    file: 'passage',
    find: '(this.passable ? this.pass() : this.join(options))',
    replace: 'this.join(options)'
  },
  {
    name: 'nobody hears that the last one has given up',
    file: 'crowd',
    find: '(this, () => this.freed())',
    replace: '(this, () => {})'
  },

  // SingleFlight and lazy.
  {
    name: 'a task goes on unaware when its last caller has left',
    file: 'flight',
    find: 'if (this.size === 0) this.#deserted(reason)',
    replace: ''
  },
  {
    name: 'a task is told to stop when its first caller has left',
    file: 'flight',
    find: 'if (this.size === 0) this.#deserted(reason)',
    replace: 'this.#deserted(reason)'
  },
  {
    name: 'a signal aborts while newcomers still join the task',
    file: 'flight',
    find: '#desert(reason: unknown): void {\n    this.delist()\n    this.#controller?.abort(reason)',
    replace: '#desert(reason: unknown): void {\n    this.#controller?.abort(reason)\n    this.delist()'
  },
  {
    name: 'a task that ended is still there for newcomers',
    file: 'flight',
    find: 'this.#owner.running.delete(this)\n    this.delist()',
    replace: 'this.#owner.running.delete(this)'
  },
  {
    name: 'only the first caller hears of the outcome',
    file: 'flight',
    find: 'while (this.#callers.grant(outcome as T)) {}',
    replace: 'this.#callers.grant(outcome as T)'
  },
  {
    name: 'timeout 0 starts a task that nobody waits for',
    file: 'flight',
    find: 'if (options?.timeout === 0) {',
    replace: 'if (options?.timeout === 0 && this.running.has(flight)) {'
  },
  {
    name: 'who comes while all are sent away is sent away too',
    file: 'flight',
    find: 'for (const flight of flights) flight.delist()\n',
    replace: ''
  },
  {
    name: 'an old task takes a newer one off the list',
    file: 'single-flight',
    find: 'if (this.#flights.get(this.#key) === this) this.#flights.delete(this.#key)',
    replace: 'this.#flights.delete(this.#key)'
  },
  {
    name: 'what a deserted factory made is kept',
    file: 'lazy',
    find: 'if (this.#state.flight === this) this.#state.made = { value }',
    replace: 'this.#state.made = { value }'
  },
  {
    name: 'an old factory takes a newer one off the list',
    file: 'lazy',
    find: 'if (this.#state.flight === this) this.#state.flight = undefined',
    replace: 'this.#state.flight = undefined'
  },
  {
    name: 'a value that is undefined is taken for none',
    file: 'lazy',
    find: 'this.#state.made = { value }',
    replace: 'this.#state.made = value === undefined ? undefined : { value }'
  },

  // Barrier and pool.
  {
    name: 'the last party waits with the others',
    file: 'barrier',
    find: 'if (this.waiting < last)',
    replace: 'if (this.waiting <= last)'
  },
  {
    name: 'a party is counted whose abort has not been heard of',
    file: 'barrier',
    find: 'if (this.line !== undefined && sweep(this.line)) return this.arrive(options)',
    replace: ''
  },
  {
    name: 'a priority changes the places at a barrier',
    file: 'barrier',
    find: 'options && { ...options, priority: 0 }',
    replace: 'options'
  },
  {
    name: 'those who arrive while the others are let go are let go with them',
    file: 'barrier',
    find: '    this.line = undefined\n    for (let place = 0; met?.grant(place); ) place++',
    replace: '    for (let place = 0; met?.grant(place); ) place++\n    this.line = undefined'
  },
  {
    name: 'all who met are told the same place',
    file: 'barrier',
    find: 'met?.grant(place); ) place++',
    replace: 'met?.grant(0); ) place++'
  },
  {
    name: 'nobody hears that nobody waits at the barrier any more',
    file: 'barrier',
    find: '    this.freed()\n    return this.pass(last)',
    replace: '    return this.pass(last)'
  },
  {
    name: 'a reset says something else than that the barrier was broken',
    file: 'barrier',
    find: 'new BrokenBarrierError(',
    replace: 'new Error('
  },
  {
    name: 'the one that came back first is lent first',
    file: 'pool',
    find: '    this.#idle.push(item)\n    if (this.#idleTimeout',
    replace: '    this.#idle.unshift(item)\n    if (this.#idleTimeout'
  },
  {
    name: 'a broken resource is lent again',
    file: 'pool',
    find: 'discarded || this.closed ||',
    replace: 'this.closed ||'
  },
  {
    name: 'a resource that comes back to a closed pool is kept',
    file: 'pool',
    find: 'discarded || this.closed ||',
    replace: 'discarded ||'
  },
  {
    name: 'a resource is lent more often than maxUses',
    file: 'pool',
    find: 'item.uses >= this.#maxUses',
    replace: 'item.uses > this.#maxUses'
  },
  {
    name: 'a resource that came back too old is kept',
    file: 'pool',
    find: 'item.uses >= this.#maxUses || this.#isOld(item)',
    replace: 'item.uses >= this.#maxUses'
  },
  {
    name: 'a resource that is idle and too old is lent',
    file: 'pool',
    find: 'item !== undefined && this.#isOld(item); item = this.#idle.pop()) this.#destroy(item)',
    replace: 'item === null; ) {}'
  },
  {
    name: 'the place of what could not be made is lost',
    file: 'pool',
    find: '      lease.release()\n      throw error',
    replace: '      throw error'
  },
  {
    name: 'a caller who has gone keeps the place',
    file: 'pool',
    find: 'if (caller.grant(lease)) (lease.item as Item<R>).uses++\n        else lease.release()',
    replace: 'if (caller.grant(lease)) (lease.item as Item<R>).uses++'
  },
  {
    name: 'something is made for a caller who has gone',
    file: 'pool',
    find: 'if (lease.item !== undefined || caller?.size === 0) return',
    replace: 'if (lease.item !== undefined) return'
  },
  {
    name: 'what is found bad is lent',
    file: 'pool',
    find: 'while (lease.item !== undefined && !(await good))',
    replace: 'while (lease.item === null && !(await good))'
  },
  {
    name: 'what is found bad is not destroyed',
    file: 'pool',
    find: '      this.#destroy(lease.item)\n',
    replace: ''
  },
  {
    name: 'a validation that throws passes for a good one',
    file: 'pool',
    find: '    } catch {\n      return false',
    replace: '    } catch {\n      return true'
  },
  {
    name: 'a validation that rejects passes for a good one',
    file: 'pool',
    find: '.catch(() => false)',
    replace: '.catch(() => true)'
  },
  {
    name: 'those whose resource is being made are not sent away',
    file: 'pool',
    find: 'for (const caller of this.#preparing) caller.rejectAll(reason)',
    replace: ''
  },
  {
    name: 'those who gave up while their resource was made are still counted',
    file: 'pool',
    find: 'onLeave: () => this.#preparing.delete(caller)',
    replace: 'onLeave: () => {}'
  },
  {
    name: 'close does not wait for what is being destroyed',
    file: 'pool',
    find: 'this.#taken === 0 && this.#destroying === 0',
    replace: 'this.#taken === 0'
  },
  {
    name: 'close leaves what is idle',
    file: 'pool',
    find: 'for (const item of this.#idle.splice(0)) this.#destroy(item)\n    return super',
    replace: 'return super'
  },
  {
    name: 'close leaves a timer',
    file: 'pool',
    find: '    clearTimeout(this.#timer)\n    for',
    replace: '    for'
  },
  {
    name: 'the idle timeout goes below min',
    file: 'pool',
    find: '(unused && spare > 0)',
    replace: 'unused'
  },
  {
    name: 'the timer runs on for those that stay',
    file: 'pool',
    find: 'if (unused) item.idleSince = Infinity',
    replace: 'if (unused) item.idleSince = now'
  },
  {
    name: 'what is due sooner is forgotten',
    file: 'pool',
    find: 'if (due >= this.#wakeAt) return',
    replace: 'if (this.#wakeAt < Infinity) return'
  },
  {
    name: 'a late timer is never set again',
    file: 'pool',
    find: '    this.#wakeAt = Infinity\n    const now',
    replace: '    const now'
  },
  {
    name: 'warm makes more than are missing',
    file: 'pool',
    find: 'while (this.size < this.#min &&',
    replace: 'while (made.length < this.#min &&'
  },
  {
    name: 'warm makes resources for a closed pool',
    file: 'pool',
    find: 'this.size < this.#min && !this.closed',
    replace: 'this.size < this.#min'
  },
  {
    name: 'a new resource counts as used before anybody had it',
    file: 'pool',
    find: 'born: Date.now(), uses: 0',
    replace: 'born: Date.now(), uses: 1'
  },
  {
    name: 'the timeout begins anew when there is a place',
    file: 'pool',
    find: 'options.timeout - (Date.now() - since)',
    replace: 'options.timeout'
  },
  {
    name: 'the timer of a pool keeps the process alive',
    file: 'pool',
    find: '.unref?.()',
    replace: ''
  }
]
