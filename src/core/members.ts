// The names of the members that the parts of this package use among themselves.
//
// They are symbols, so a subclass of a user can have a `run`, an `options` or a `queue` of its own without changing the
// lock. Those by which one part uses the lock of another are registered, so two copies of the package in one process
// understand each other: a `Condition` of one takes a `Mutex` of the other (docs/decisions/members-are-symbols.md).

const registered = (name: string): symbol => Symbol.for(`latchkey.${name}`)

/** What messages call a primitive, such as `Mutex "tools"`. */
export const $label: unique symbol = /* @__PURE__ */ registered('label') as never
/** The first word of the label: what kind of primitive this is. */
export const $kind: unique symbol = /* @__PURE__ */ registered('kind') as never
/** What was kept of the options of the constructor. */
export const $settings: unique symbol = /* @__PURE__ */ registered('settings') as never
/** Reads how a call waits, with the defaults of the primitive. */
export const $read: unique symbol = /* @__PURE__ */ Symbol()
/** Makes the object by which an observer knows a request. */
export const $makeRequest: unique symbol = /* @__PURE__ */ registered('makeRequest') as never
/** The state in words, for `inspect`. */
export const $describe: unique symbol = /* @__PURE__ */ Symbol()

// A lock object and the primitive that it came from.
/** The primitive that granted this, until it is released. */
export const $grantor: unique symbol = /* @__PURE__ */ registered('grantor') as never
/** The object by which an observer knows this acquisition. */
export const $request: unique symbol = /* @__PURE__ */ registered('request') as never
/** Moves the right from one lock object to another. */
export const $transferTo: unique symbol = /* @__PURE__ */ registered('transferTo') as never
/** Makes the next waiter the owner of what was released. */
export const $handOff: unique symbol = /* @__PURE__ */ registered('handOff') as never

// A queue and what stands in it.
/** How many callers wait. */
export const $size: unique symbol = /* @__PURE__ */ Symbol()
/** Counts one more that waits. */
export const $count: unique symbol = /* @__PURE__ */ Symbol()
/** Where places stand. */
export const $lanes: unique symbol = /* @__PURE__ */ Symbol()
/** The place that is served next. */
export const $first: unique symbol = /* @__PURE__ */ Symbol()
/** Why a caller may not wait, if there is a reason. */
export const $cannotWait: unique symbol = /* @__PURE__ */ Symbol()
/** Waits in the queue. */
export const $join: unique symbol = /* @__PURE__ */ Symbol()
/** Serves the first waiter. */
export const $grant: unique symbol = /* @__PURE__ */ Symbol()
/** Puts a place at the end of its lane. */
export const $enter: unique symbol = /* @__PURE__ */ Symbol()
/** Takes a place, or one of the callers that share it, out of the queue. */
export const $exit: unique symbol = /* @__PURE__ */ Symbol()
/** Lets a waiter go that no longer waits. */
export const $leave: unique symbol = /* @__PURE__ */ Symbol()
/** Called when a waiter has left by abort or timeout. */
export const $waiterLeft: unique symbol = /* @__PURE__ */ Symbol()
/** Takes all places out of the queue. */
export const $drain: unique symbol = /* @__PURE__ */ Symbol()
/** Rejects all waiters. */
export const $rejectWaiters: unique symbol = /* @__PURE__ */ Symbol()

// What a primitive adds to its queue.
/** Whether no caller holds the primitive. */
export const $isFree: unique symbol = /* @__PURE__ */ registered('isFree') as never
/** Called whenever the primitive may have become free. */
export const $freed: unique symbol = /* @__PURE__ */ Symbol()
/** What refuses a caller who comes now, if anything does. */
export const $refusal: unique symbol = /* @__PURE__ */ Symbol()

// What a lock beyond this process tells of a request, as it takes a while to give back.
/** Whether the holder of a request has begun to release it. */
export const $isReturning: unique symbol = /* @__PURE__ */ registered('isReturning') as never

// What a mutex does for callers that nothing refuses.
/** Marks the free lock as locked. */
export const $occupy: unique symbol = /* @__PURE__ */ Symbol()
/** Takes the free lock. */
export const $lockNow: unique symbol = /* @__PURE__ */ Symbol()
/** `acquire`, unchecked. */
export const $acquireUnchecked: unique symbol = /* @__PURE__ */ Symbol()
/** `runExclusive`, unchecked. */
export const $runUnchecked: unique symbol = /* @__PURE__ */ Symbol()

// What a lock does where several callers may hold.
/** Whether a request of some weight fits beside the holders. */
export const $fits: unique symbol = /* @__PURE__ */ registered('fits') as never
/** Makes a request part of the state, and a lock of it. */
export const $add: unique symbol = /* @__PURE__ */ Symbol()
/** Takes a lock out of the state. */
export const $remove: unique symbol = /* @__PURE__ */ Symbol()
/** Why a request of some weight will never fit, if there is a reason. */
export const $neverFits: unique symbol = /* @__PURE__ */ Symbol()
/** Grants from the head of the queue what fits. */
export const $grantEligible: unique symbol = /* @__PURE__ */ Symbol()
