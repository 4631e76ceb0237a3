import { defineComponent, computed, ref, onMounted, onBeforeUnmount, watch, nextTick, mergeProps, unref, useSSRContext, useModel, mergeModels } from "vue";
import { ssrRenderAttrs, ssrRenderAttr, ssrRenderList, ssrRenderClass, ssrInterpolate, ssrRenderComponent, ssrRenderStyle, ssrIncludeBooleanAttr, ssrLooseEqual } from "vue/server-renderer";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const LOCKS = {
  mutex: { title: "Mutex", own: true, note: "latchkey: one holder at a time" },
  keyed: { title: "KeyedMutex", own: true, note: "latchkey: one holder for each key" },
  semaphore: { title: "Semaphore", own: true, note: "latchkey: as many as there are permits" },
  rw: { title: "ReadWriteLock", own: true, note: "latchkey: many readers or one writer" },
  buggy: {
    title: "Buggy mutex",
    own: false,
    note: "by hand: release() calls the next one, and forgets to free the lock"
  },
  repaired: { title: "Repaired mutex", own: false, note: "by hand: it hands over, and does not ask who releases" },
  chain: { title: "Promise chain", own: false, note: "by hand: each client waits for the one before" },
  "readers-first": { title: "Readers first", own: false, note: "by hand: a reader may enter while another one reads" }
};
const VERBS = ["acquire", "read", "write", "work", "release", "again", "abort", "timeout"];
const MOST_CLIENTS = 8;
const MOST_STEPS = 200;
const MOST_PERMITS = 9;
const NAMES = "ABCDEFGH";
const namesOf = (clients) => [...NAMES.slice(0, clients)];
const FAMILIES = [
  ["mutex", "buggy", "repaired", "chain"],
  ["rw", "readers-first"]
];
const comparable = (lock) => (FAMILIES.find((family) => family.includes(lock)) ?? []).filter((name) => name !== lock);
function waysToAsk({ lock, size }) {
  if (lock === "rw" || lock === "readers-first") return [{ verb: "read" }, { verb: "write" }];
  if (lock === "keyed") return ["a", "b", "a+b"].map((what) => ({ verb: "acquire", what }));
  if (lock !== "semaphore") return [{ verb: "acquire" }];
  return Array.from({ length: Math.min(size, 3) }, (_, i) => ({ verb: "acquire", what: `${i + 1}` }));
}
function isStepOf(schedule, { client, verb, what }) {
  if (!namesOf(schedule.clients).includes(client)) return false;
  if (verb === "work" || verb === "release" || verb === "again" || verb === "abort" || verb === "timeout") {
    return what === void 0;
  }
  if (schedule.lock === "semaphore")
    return verb === "acquire" && /^[1-9]$/.test(what ?? "") && Number(what) <= schedule.size;
  if (schedule.lock === "keyed") return verb === "acquire" && /^[a-z](\+[a-z])*$/.test(what ?? "");
  return what === void 0 && waysToAsk(schedule).some((way) => way.verb === verb);
}
const writeStep = ({ client, verb, what }) => `${client}.${verb}${what ? `:${what}` : ""}`;
function writeSchedule({ lock, beside, size, clients, steps }, at = steps.length) {
  const parts = [`lock=${lock}`];
  if (beside !== void 0) parts.push(`beside=${beside}`);
  if (lock === "semaphore") parts.push(`size=${size}`);
  parts.push(`clients=${clients}`);
  if (steps.length > 0) parts.push(`steps=${steps.map(writeStep).join(",")}`);
  if (at < steps.length) parts.push(`at=${at}`);
  return parts.join("&");
}
function readSchedule(text) {
  const parts = new Map(
    text.replace(/^#/, "").split("&").map((part) => part.split("=", 2))
  );
  const lock = parts.get("lock");
  if (!Object.hasOwn(LOCKS, lock)) return void 0;
  const beside = parts.get("beside");
  if (beside !== void 0 && !comparable(lock).includes(beside)) return void 0;
  const size = whole(parts.get("size") ?? "2", 1, MOST_PERMITS);
  const clients = whole(parts.get("clients") ?? "3", 1, MOST_CLIENTS);
  if (size === void 0 || clients === void 0) return void 0;
  const steps = readSteps(parts.get("steps") ?? "");
  if (steps === void 0 || steps.length > MOST_STEPS) return void 0;
  if (!steps.every((step) => isStepOf({ lock, size, clients }, step))) return void 0;
  const at = whole(parts.get("at") ?? `${steps.length}`, 0, steps.length);
  return at === void 0 ? void 0 : { schedule: { lock, ...beside && { beside }, size, clients, steps }, at };
}
function readSteps(text) {
  const steps = text === "" ? [] : decode(text).split(",").map(readStep);
  return steps.includes(void 0) ? void 0 : steps;
}
function readStep(text) {
  const [, client, verb, what] = /^([A-H])\.([a-z]+)(?::([a-z0-9+]+))?$/.exec(text) ?? [];
  if (client === void 0 || !VERBS.includes(verb)) return void 0;
  return { client, verb, ...what !== void 0 && { what } };
}
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
function whole(text, least, most) {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= least && value <= most ? value : void 0;
}
class LockTimeoutError extends Error {
  code = "ERR_LOCK_TIMEOUT";
  get name() {
    return "TimeoutError";
  }
}
class LockCancelledError extends Error {
  code = "ERR_LOCK_CANCELLED";
  get name() {
    return "LockCancelledError";
  }
}
class LockClosedError extends Error {
  code = "ERR_LOCK_CLOSED";
  get name() {
    return "LockClosedError";
  }
}
class QueueFullError extends Error {
  code = "ERR_QUEUE_FULL";
  get name() {
    return "QueueFullError";
  }
}
const registered = (name) => Symbol.for(`latchkey.${name}`);
const $label = /* @__PURE__ */ registered("label");
const $kind = /* @__PURE__ */ registered("kind");
const $settings = /* @__PURE__ */ registered("settings");
const $read = /* @__PURE__ */ Symbol();
const $makeRequest = /* @__PURE__ */ registered("makeRequest");
const $describe = /* @__PURE__ */ Symbol();
const $grantor = /* @__PURE__ */ registered("grantor");
const $request = /* @__PURE__ */ registered("request");
const $transferTo = /* @__PURE__ */ registered("transferTo");
const $handOff = /* @__PURE__ */ registered("handOff");
const $size = /* @__PURE__ */ Symbol();
const $count = /* @__PURE__ */ Symbol();
const $lanes = /* @__PURE__ */ Symbol();
const $first = /* @__PURE__ */ Symbol();
const $cannotWait = /* @__PURE__ */ Symbol();
const $join = /* @__PURE__ */ Symbol();
const $grant = /* @__PURE__ */ Symbol();
const $enter = /* @__PURE__ */ Symbol();
const $exit = /* @__PURE__ */ Symbol();
const $leave = /* @__PURE__ */ Symbol();
const $waiterLeft = /* @__PURE__ */ Symbol();
const $drain = /* @__PURE__ */ Symbol();
const $rejectWaiters = /* @__PURE__ */ Symbol();
const $isFree = /* @__PURE__ */ registered("isFree");
const $freed = /* @__PURE__ */ Symbol();
const $refusal = /* @__PURE__ */ Symbol();
const $occupy = /* @__PURE__ */ Symbol();
const $lockNow = /* @__PURE__ */ Symbol();
const $acquireUnchecked = /* @__PURE__ */ Symbol();
const $runUnchecked = /* @__PURE__ */ Symbol();
const $fits = /* @__PURE__ */ registered("fits");
const $add = /* @__PURE__ */ Symbol();
const $remove = /* @__PURE__ */ Symbol();
const $neverFits = /* @__PURE__ */ Symbol();
const $grantEligible = /* @__PURE__ */ Symbol();
const NO_SETTINGS = Object.freeze({});
const inspect = Symbol.for("nodejs.util.inspect.custom");
const isObject = (value) => typeof value === "object" && value !== null;
function show(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 100 ? `${value.slice(0, 99)}…` : value);
  if (typeof value === "function") return "a function";
  return isObject(value) ? "an object" : String(value);
}
function check(ok, source, argument, expected, value) {
  if (ok) return;
  const ErrorClass = typeof value === "number" && expected.includes("number") ? RangeError : TypeError;
  throw new ErrorClass(
    `${typeof source === "string" ? source : source[$label]}: ${argument} must be ${expected}, got ${show(value)}`
  );
}
function checkFunction(source, argument, value) {
  check(typeof value === "function", source, argument, "a function", value);
}
function checkObject(source, argument, value) {
  check(isObject(value), source, argument, "an object", value);
}
function checkWhole(source, argument, value, least, most) {
  const isWhole = Number.isInteger(value) && value >= least && value <= (most ?? Infinity);
  const range = most === void 0 || most === Infinity ? `>= ${least}` : `from ${least} to ${most}`;
  const expected = `a whole number ${range}${most === Infinity ? " or Infinity" : ""}`;
  check(isWhole || value === Infinity && most === Infinity, source, argument, expected, value);
  return value;
}
function checkOption(ok, source, name, expected, value) {
  check(ok || value === void 0, source, `options.${name}`, expected, value);
}
function checkMs(source, name, value) {
  checkOption(typeof value === "number" && value >= 0, source, name, "a number of ms >= 0", value);
}
const isSignal = (value) => isObject(value) && typeof value.aborted === "boolean" && typeof value.addEventListener === "function" && typeof value.removeEventListener === "function";
function readAcquireOptions(source, options, defaults) {
  if (options === void 0) return defaults;
  checkObject(source, "options", options);
  const { signal, timeout, priority } = options;
  if (signal !== void 0) checkOption(isSignal(signal), source, "signal", "an AbortSignal", signal);
  checkMs(source, "timeout", timeout);
  checkOption(Number.isFinite(priority), source, "priority", "a finite number", priority);
  if (signal === void 0 && timeout === void 0 && !priority) return defaults;
  return { signal, timeout: timeout ?? defaults?.timeout, priority };
}
const LOCK_OPTIONS = ["name", "maxWaiting", "timeout", "observer"];
const likeness = (name, other) => [...name].filter((_, i) => other.toLowerCase().includes(name.slice(i, i + 2).toLowerCase())).length;
function checkNames(source, options, known) {
  checkObject(source, "options", options);
  const isPlain = {}.toString.call(options) === "[object Object]" && !(inspect in options);
  check(isPlain, source, "options", "a plain object", options);
  for (const name in options) {
    if (known.includes(name)) continue;
    const nearest = known.reduce((best, other) => likeness(name, other) > likeness(name, best) ? other : best);
    const label = typeof source === "string" ? source : source[$label];
    throw new TypeError(`${label}: options.${name} does not exist; the nearest is ${nearest} (of ${known.join(", ")})`);
  }
}
function readOptions(source, options, more = []) {
  if (options === void 0) return;
  const known = [...LOCK_OPTIONS, ...more];
  checkNames(source, options, known);
  const settings = Object.fromEntries(known.map((name2) => [name2, options[name2]]));
  source[$settings] = settings;
  const { name, maxWaiting, timeout, observer } = settings;
  const isLimit = Number.isInteger(maxWaiting) || maxWaiting === Infinity;
  checkOption(typeof name === "string", source, "name", "a string", name);
  checkOption(
    isLimit && maxWaiting >= 0,
    source,
    "maxWaiting",
    "a whole number >= 0 or Infinity",
    maxWaiting
  );
  checkMs(source, "timeout", timeout);
  if (timeout !== void 0) Object.assign(settings, { wait: { timeout } });
  checkOption(isObject(observer), source, "observer", "an object", observer);
  for (const event of ["queued", "granted", "released", "abandoned"]) {
    const listener = observer?.[event];
    checkOption(typeof listener === "function", source, `observer.${event}`, "a function", listener);
  }
}
function reasonOf(signal) {
  const { reason } = signal;
  if (reason !== void 0) return reason;
  const error = new Error("This operation was aborted");
  error.name = "AbortError";
  return error;
}
const subscriptions = /* @__PURE__ */ new WeakMap();
function subscribe(signal, target) {
  let subscription = subscriptions.get(signal);
  if (subscription === void 0) {
    const targets = /* @__PURE__ */ new Set();
    const listener = () => {
      if (signal.aborted) for (const target2 of targets) target2.abort();
    };
    subscription = { targets, listener };
    subscriptions.set(signal, subscription);
    signal.addEventListener("abort", listener);
  }
  subscription.targets.add(target);
}
function unsubscribe(signal, target) {
  const subscription = subscriptions.get(signal);
  if (subscription === void 0 || !subscription.targets.delete(target) || subscription.targets.size > 0) return;
  subscriptions.delete(signal);
  signal.removeEventListener("abort", subscription.listener);
}
const LONGEST_TIMER = 2 ** 31 - 1;
function startTimer(target, ms) {
  if (ms === Infinity) return;
  target.timer = ms > LONGEST_TIMER ? setTimeout(startTimer, LONGEST_TIMER, target, ms - LONGEST_TIMER) : setTimeout(expire, ms, target);
}
const expire = (target) => target.expire();
const stopTimer = (target) => clearTimeout(target.timer);
const expires = (options) => (options?.timeout ?? Infinity) < Infinity;
const timeoutError = (label, timeout) => new LockTimeoutError(`${label}: waited longer than ${timeout} ms`);
function retraced(error) {
  const retrace = () => {
    Error.captureStackTrace?.(error, retrace);
    throw error;
  };
  return Promise.resolve().then().then(retrace);
}
const NO_KEYS = [];
function report(error) {
  queueMicrotask(() => {
    throw error;
  });
}
let depth = 0;
let outbox;
const outboxes = /* @__PURE__ */ new WeakMap();
function holdBack() {
  depth++;
}
function letOut() {
  if (--depth > 0 || outbox === void 0) return;
  const own = outbox;
  outbox = void 0;
  for (const tell of own) tell();
  own.told = true;
}
function notifyObserver(observer, event, request, reason) {
  if (observer === void 0) return;
  let own = outboxes.get(request);
  if (own === void 0 || own.told) {
    if (depth === 0) {
      deliver(observer, event, request, reason);
      return;
    }
    outbox ??= [];
    own = outbox;
    outboxes.set(request, own);
  }
  own.push(() => deliver(observer, event, request, reason));
}
function deliver(observer, event, request, reason) {
  try {
    if (event === "granted") observer.granted?.(request);
    else if (event === "released") observer.released?.(request);
    else observer[event]?.(request, reason);
  } catch (error) {
    report(error);
  }
}
const dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
const asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
const releasedFrozen = /* @__PURE__ */ new WeakSet();
function end(hold) {
  try {
    hold[$grantor] = void 0;
  } catch {
    if (releasedFrozen.has(hold)) return false;
    releasedFrozen.add(hold);
  }
  return true;
}
class Hold {
  constructor(grantor) {
    this[$grantor] = grantor;
  }
  get held() {
    return this[$grantor] !== void 0 && !releasedFrozen.has(this);
  }
  /** Moves the right to `other` without releasing it. This one counts as released. */
  [$transferTo](other) {
    const target = other;
    target[$grantor] = this[$grantor];
    if (this[$request] !== void 0) target[$request] = this[$request];
    end(this);
    return other;
  }
  release() {
    if (!(this instanceof Hold)) throw new TypeError("Lock: release must be called on its lock: lock.release()");
    const grantor = this[$grantor];
    if (grantor === void 0 || !end(this)) return;
    if (this[$request] !== void 0) notifyObserver(grantor[$settings].observer, "released", this[$request]);
    grantor[$handOff](this);
  }
  [dispose]() {
    this.release();
  }
  toString() {
    return `Lock { ${this.held ? "held" : "released"} }`;
  }
  toJSON() {
    return this.toString();
  }
  [inspect]() {
    return this.toString();
  }
  /** Vue makes no proxy of what says this: private state cannot be reached through one. */
  get __v_skip() {
    return true;
  }
}
function inheritHold(Class) {
  Object.setPrototypeOf(Class.prototype, Hold.prototype);
  noThenable(Class);
}
function noThenable(Class) {
  Class.prototype.then = void 0;
}
noThenable(Hold);
function grantFree(grantor, lock) {
  const { observer } = grantor[$settings];
  if (observer !== void 0) {
    const request = grantor[$makeRequest]();
    lock[$request] = request;
    notifyObserver(observer, "granted", request);
  }
  return lock;
}
function rejectImmediately(source, reason) {
  const { observer } = source[$settings];
  if (observer !== void 0) notifyObserver(observer, "abandoned", source[$makeRequest](), reason);
  return Promise.reject(reason);
}
async function runHolding(task, lock) {
  try {
    return await task(lock);
  } finally {
    lock.release();
  }
}
const { then } = Promise.prototype;
function releaseAfter(settled, lock) {
  return then.call(
    settled,
    (value) => {
      lock.release();
      return value;
    },
    (error) => {
      lock.release();
      throw error;
    }
  );
}
function runGranted(task, lock, signal) {
  let result;
  try {
    if (signal?.aborted) throw reasonOf(signal);
    result = task(lock);
    if (isObject(result) || typeof result === "function") {
      const settled = Promise.resolve(result);
      if (Object.hasOwn(settled, "then")) return releaseAfter(settled, lock);
      const release = () => lock.release();
      settled.then(release, release);
      return settled;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
  lock.release();
  return result;
}
function wrapFunction(fn, run) {
  return function(...args) {
    return run(() => fn.apply(this, args), args);
  };
}
class Link {
  next = this;
  previous = this;
}
class Lane extends Link {
  priority;
  /** In the heap of lanes, each at or below the priority of the lane above it. */
  above = void 0;
  left = void 0;
  right = void 0;
  /** The length of the shortest way down to where a lane is missing; never shorter on the left than on the right. */
  rank = 1;
  constructor(priority) {
    super();
    this.priority = priority;
  }
}
const rankOf = (lane) => lane?.rank ?? 0;
function merge(a, b) {
  if (a === void 0 || b === void 0) return a ?? b;
  const [high, low] = a.priority < b.priority ? [b, a] : [a, b];
  high.right = merge(high.right, low);
  high.right.above = high;
  balance(high);
  return high;
}
function balance(lane) {
  const { left, right, rank } = lane;
  if (rankOf(left) < rankOf(right)) {
    lane.left = right;
    lane.right = left;
  }
  lane.rank = rankOf(lane.right) + 1;
  return lane.rank !== rank;
}
let Lanes$1 = class Lanes {
  /** The lane of priority 0. */
  #usual = new Lane(0);
  /** The other lanes, each with a place in it. Made when it is needed. */
  #others = void 0;
  /** The root of the heap of the others. */
  #highest = void 0;
  /** The place that is served next. */
  get first() {
    const highest = this.#highest;
    const usual = this.#usual;
    const lane = highest === void 0 || highest.priority < 0 && usual.next !== usual ? usual : highest;
    return lane.next === lane ? void 0 : lane.next;
  }
  /** The last place of priority 0. */
  get last() {
    const { previous } = this.#usual;
    return previous === this.#usual ? void 0 : previous;
  }
  /** Puts a place at the end of its lane. */
  add(place, priority = 0) {
    this.insert(place, priority === 0 ? this.#usual : this.#lane(priority));
  }
  /** Puts a place in front of another; in front of a lane is at its end. */
  insert(place, next) {
    const { previous } = next;
    previous.next = place;
    place.previous = previous;
    place.next = next;
    next.previous = place;
  }
  remove(place) {
    const { next, previous } = place;
    previous.next = next;
    next.previous = previous;
    place.next = place;
    place.previous = place;
    if (next === previous && next !== this.#usual) this.#drop(next);
  }
  #lane(priority) {
    this.#others ??= /* @__PURE__ */ new Map();
    let lane = this.#others.get(priority);
    if (lane === void 0) {
      lane = new Lane(priority);
      this.#others.set(priority, lane);
      this.#highest = merge(this.#highest, lane);
    }
    return lane;
  }
  #drop(lane) {
    this.#others?.delete(lane.priority);
    const { above } = lane;
    const below = merge(lane.left, lane.right);
    if (below !== void 0) below.above = above;
    if (above === void 0) {
      this.#highest = below;
      return;
    }
    if (above.left === lane) above.left = below;
    else above.right = below;
    for (let at = above; at !== void 0 && balance(at); ) at = at.above;
  }
};
let captured;
const capture = (resolve) => {
  captured = resolve;
};
function takeCaptured() {
  const resolve = captured;
  captured = void 0;
  return resolve;
}
class Place extends Link {
  /** Whether the waiter has aborted, and the event has not reached us yet: the abort came first. */
  get aborted() {
    return false;
  }
  /** Lets the first waiter here leave, which has aborted. What depends on it is up to the caller of this. */
  dropAborted(_queue) {
  }
  /** How much the first waiter here asks for. */
  get weight() {
    return 1;
  }
}
class Waiter {
  #resolve;
  constructor(resolve) {
    this.next = this;
    this.previous = this;
    this.#resolve = resolve;
  }
  grant(queue, value) {
    queue[$exit](this);
    this.settle(value);
  }
  settle(value) {
    this.#resolve(value);
  }
  // Keeping `resolve` alone, and letting go of the `reject` that comes with it, saves a quarter of what a waiter takes.
  reject(reason, rejection = Promise.reject(reason)) {
    this.#resolve(rejection);
  }
}
Object.setPrototypeOf(Waiter.prototype, Place.prototype);
class CancellableWaiter extends Waiter {
  #queue;
  #request;
  signal;
  #timeout;
  #weight;
  timer = void 0;
  constructor(resolve, queue, options, request, weight) {
    super(resolve);
    this.#queue = queue;
    this.#request = request;
    this.signal = options?.signal;
    this.#timeout = options?.timeout;
    this.#weight = weight;
    if (this.signal !== void 0) subscribe(this.signal, this);
    if (expires(options)) startTimer(this, options.timeout);
  }
  get weight() {
    return this.#weight;
  }
  get aborted() {
    return this.signal?.aborted === true;
  }
  grant(queue, value) {
    const request = this.#request;
    this.#detach();
    if (request !== void 0 && value instanceof Hold) value[$request] = request;
    super.grant(queue, value);
    if (request !== void 0) notifyObserver(queue[$settings].observer, "granted", request);
  }
  reject(reason, rejection) {
    this.#detach();
    super.reject(reason, rejection);
    if (this.#request !== void 0) notifyObserver(this.#queue[$settings].observer, "abandoned", this.#request, reason);
  }
  abort() {
    this.#leave(reasonOf(this.signal));
  }
  dropAborted(queue) {
    queue[$exit](this);
    this.reject(reasonOf(this.signal));
  }
  expire() {
    const error = timeoutError(this.#queue[$label], this.#timeout);
    this.#leave(error, retraced(error));
  }
  #leave(reason, rejection) {
    if (this.next !== this) this.#queue[$leave](this, reason, rejection);
  }
  #detach() {
    stopTimer(this);
    if (this.signal !== void 0) unsubscribe(this.signal, this);
  }
}
class CancellableTaskWaiter extends CancellableWaiter {
  #task;
  #lock = void 0;
  constructor(task, ...rest) {
    super(...rest);
    this.#task = task;
  }
  /** Its promise resolves to the waiter itself, on which one reaction, the same for all, then calls `run`. */
  settle(lock) {
    this.#lock = lock;
    super.settle(this);
  }
  run() {
    return runGranted(this.#task, this.#lock, this.signal);
  }
}
const MANY = 1e4;
function joinLine(line, task, size) {
  const { lanes } = line;
  if (!line.lastTaskWasSync && size < MANY) return waitAlone(line, task, void 0);
  let batch = lanes.last;
  if (!(batch instanceof TurnBatch) || batch.full) {
    batch = new TurnBatch(line);
    lanes.add(batch);
  }
  return batch.join(task);
}
function waitAlone(line, task, before) {
  const promise = new Promise(capture);
  const waiter = new TaskWaiter(takeCaptured(), line, task);
  if (before === void 0) line.lanes.add(waiter);
  else line.lanes.insert(waiter, before);
  return promise.then(runTask$1);
}
const runTask$1 = (waiter) => waiter.run();
function start(line, task, lock) {
  const result = runGranted(task, lock);
  line.lastTaskWasSync = !isObject(result);
  return result;
}
class TaskWaiter extends Waiter {
  #line;
  #task;
  #lock = void 0;
  constructor(resolve, line, task) {
    super(resolve);
    this.#line = line;
    this.#task = task;
  }
  settle(lock) {
    this.#lock = lock;
    super.settle(this);
  }
  run() {
    return start(this.#line, this.#task, this.#lock);
  }
}
class TurnBatch extends Place {
  #line;
  #turn = new Promise(capture);
  #open = takeCaptured();
  #tasks = [];
  /** How many members no longer wait here. */
  #gone = 0;
  /** How many reactions have run. */
  #started = 0;
  /** What was granted last. A lock is exclusive, so its owner has it before the next grant. */
  #lock = void 0;
  /** Rejects the members that are still here when all are rejected. */
  #refusal = void 0;
  constructor(line) {
    super();
    this.#line = line;
  }
  /** No caller joins once the first was granted: the promise has settled, so its reaction would run too early. */
  get full() {
    return this.#gone > 0 || this.#tasks.length === 128;
  }
  join(task) {
    this.#tasks.push(task);
    return this.#turn.then(this.#start);
  }
  grant(queue, lock) {
    this.#lock = lock;
    if (this.#gone++ === 0) this.#open();
    queue[$exit](this, this.#tasks.length - this.#gone);
  }
  reject(reason) {
    this.#refusal = Promise.reject(reason);
    if (this.#gone === 0) this.#open(this.#refusal);
  }
  #start = () => {
    const member = this.#started++;
    const task = this.#tasks[member];
    this.#tasks[member] = void 0;
    if (member < this.#gone) return start(this.#line, task, this.#lock);
    if (this.#refusal !== void 0) return this.#refusal;
    const done = waitAlone(this.#line, task, this);
    if (++this.#gone === this.#tasks.length) this.#line.lanes.remove(this);
    return done;
  };
}
const runTask = (waiter) => waiter.run();
let Queue$1 = class Queue {
  // Private, as what changes here has to change in a frozen primitive too: it may be frozen while a caller holds it.
  #size = 0;
  /** Made when a caller first waits: most primitives are never contended. */
  #lanes = void 0;
  constructor(settings = NO_SETTINGS) {
    this[$settings] = settings;
  }
  /** How many callers wait, each member of a batch counted. */
  get [$size]() {
    return this.#size;
  }
  /** One more waits, which the caller of this puts into its place. Returns how many wait now. */
  [$count]() {
    return ++this.#size;
  }
  get [$label]() {
    const { name } = this[$settings];
    return typeof name === "string" ? `${this[$kind]} "${name}"` : this[$kind];
  }
  [$makeRequest]() {
    return { source: this, keys: NO_KEYS };
  }
  [$read](options) {
    return readAcquireOptions(this, options, this[$settings].wait);
  }
  [$describe]() {
    return `${this[$size]} waiting`;
  }
  /** What this is and how it stands, such as `Mutex "tools" { locked, 3 waiting }`. */
  toString() {
    return `${this[$label]} { ${this[$describe]()} }`;
  }
  /** The same as `toString()`. */
  toJSON() {
    return this.toString();
  }
  [inspect]() {
    return this.toString();
  }
  /** Vue makes no proxy of what says this: private state cannot be reached through one. */
  get __v_skip() {
    return true;
  }
  /** Called when a waiter has left by abort or timeout. What is told of it is held back until this returns. */
  [$waiterLeft](_reason) {
  }
  get [$first]() {
    return this.#lanes?.first;
  }
  get [$lanes]() {
    this.#lanes ??= new Lanes$1();
    return this.#lanes;
  }
  [$enter](place, priority) {
    this.#size++;
    this[$lanes].add(place, priority);
  }
  [$exit](place, others = 0) {
    this.#size--;
    if (others === 0) this.#lanes.remove(place);
  }
  [$cannotWait](options) {
    if (options?.timeout === 0) return new LockTimeoutError(`${this[$label]}: would have to wait, and timeout is 0 ms`);
    const limit = this[$settings].maxWaiting;
    if (limit === void 0 || this[$size] < limit) return void 0;
    return new QueueFullError(`${this[$label]}: maxWaiting is ${limit}, and so many wait already`);
  }
  [$join](options, weight = 1, task) {
    const refusal = this[$cannotWait](options);
    if (refusal !== void 0) return rejectImmediately(this, refusal);
    const { observer } = this[$settings];
    const promise = new Promise(capture);
    const resolve = takeCaptured();
    const priority = options?.priority;
    if (weight === 1 && task === void 0 && observer === void 0) {
      if (options === void 0 || options.signal === void 0 && !expires(options)) {
        this[$enter](new Waiter(resolve), priority);
        return promise;
      }
    }
    const request = observer && this[$makeRequest]();
    if (task === void 0) this[$enter](new CancellableWaiter(resolve, this, options, request, weight), priority);
    else
      this[$enter](
        new CancellableTaskWaiter(task, resolve, this, options, request, weight),
        priority
      );
    if (request !== void 0) notifyObserver(observer, "queued", request);
    return task === void 0 ? promise : promise.then(runTask);
  }
  /** Gives `value` to the first live waiter, who owns it when this returns. `false`: there is none. O(1). */
  [$grant](value) {
    const place = this[$first];
    if (place === void 0) return false;
    if (place.aborted) return this.#grantLive(place, value);
    place.grant(this, value);
    return true;
  }
  /** The same where the first waiters have aborted without our having heard of it. */
  #grantLive(first, value) {
    holdBack();
    try {
      let place = first;
      for (; place?.aborted; place = this[$first]) place.dropAborted(this);
      place?.grant(this, value);
      this[$waiterLeft]();
      return place !== void 0;
    } finally {
      letOut();
    }
  }
  [$leave](waiter, reason, rejection) {
    holdBack();
    try {
      this[$exit](waiter);
      waiter.reject(reason, rejection);
      this[$waiterLeft](reason);
    } finally {
      letOut();
    }
  }
  [$drain]() {
    const places = [];
    for (let place = this[$first]; place !== void 0; place = this[$first]) {
      places.push(place);
      this.#lanes.remove(place);
    }
    this.#size = 0;
    return places;
  }
  /** Rejects all waiters, in the order of the queue. O(n). */
  [$rejectWaiters](reason) {
    holdBack();
    try {
      for (const place of this[$drain]()) place.reject(reason);
    } finally {
      letOut();
    }
  }
};
class PartQueue extends Queue$1 {
  #owner;
  /** @param settings of the owner, if its observer is told of these waiters too */
  constructor(owner, settings) {
    super(settings);
    this.#owner = owner;
  }
  get [$kind]() {
    return "";
  }
  get [$label]() {
    return this.#owner[$label];
  }
  [$makeRequest]() {
    return this.#owner[$makeRequest]();
  }
}
class Waitable extends Queue$1 {
  /** The callers that wait until the primitive is free. */
  #idleWaiters = void 0;
  #closing = void 0;
  /** @param more the names of the options that only this primitive has */
  constructor(options, more) {
    super();
    readOptions(this, options, more);
  }
  /** How many callers wait. */
  get waiting() {
    return this[$size];
  }
  /** Whether `close` has been called. */
  get closed() {
    return this.#closing !== void 0;
  }
  /**
   * Rejects current waiters, with `reason` if one is given, else with a `LockCancelledError`. Holders are not touched,
   * and later calls wait as usual. O(waiters).
   */
  cancelWaiters(reason = new LockCancelledError(`${this[$label]}: the wait was cancelled`)) {
    this[$rejectWaiters](reason);
  }
  /**
   * Closes for good: rejects current waiters and all later calls, with `reason` if one is given, else with a
   * `LockClosedError`. Resolves when the last holder has released. Further calls return the same promise, and the first
   * reason stands.
   *
   * *Cancellation*: cannot be cancelled. A holder that awaits it waits for itself.
   */
  close(reason) {
    if (this.#closing === void 0) {
      this.#closing = { reason };
      this.#closing.done = this.#becomeFree(void 0);
      this[$rejectWaiters](this.#closedReason);
    }
    return this.#closing.done;
  }
  /** `close()`, for `await using`. */
  [asyncDispose]() {
    return this.close();
  }
  /**
   * Resolves when no caller holds and no caller waits, without taking anything: by the time the caller goes on, another
   * may have come. `close` and `cancelWaiters` do not reject it.
   *
   * *Cancellation*: an abort rejects with `signal.reason`, a timeout (ms) with `LockTimeoutError`; nothing else
   * changes.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option.
   */
  whenFree(options) {
    const wait = this[$read](options);
    return wait?.signal?.aborted ? Promise.reject(reasonOf(wait.signal)) : this.#becomeFree(wait);
  }
  #becomeFree(wait) {
    if (this[$isFree]) return Promise.resolve();
    this.#idleWaiters ??= new PartQueue(this);
    return this.#idleWaiters[$join](wait);
  }
  [$freed]() {
    if (this.#idleWaiters !== void 0 && this[$isFree]) while (this.#idleWaiters[$grant](void 0)) {
    }
  }
  /** What refuses a caller who comes now, whatever the state of the lock: it is closed, or the signal has aborted. */
  [$refusal](wait, source) {
    if (this.#closing !== void 0) return rejectImmediately(source, this.#closedReason);
    const signal = wait?.signal;
    return signal?.aborted ? rejectImmediately(source, reasonOf(signal)) : void 0;
  }
  /** An error of its own for each call, so that its stack names that caller. */
  get #closedReason() {
    const { reason } = this.#closing;
    return reason === void 0 ? new LockClosedError(`${this[$label]}: closed`) : reason;
  }
  /** What this is and how it stands, such as `Mutex "tools" { locked, 3 waiting }`. */
  toString() {
    const waiting = this.waiting > 0 ? `, ${this.waiting} waiting` : "";
    return `${this[$label]} { ${this.closed ? "closed, " : ""}${this[$describe]()}${waiting} }`;
  }
}
class Mutex extends Waitable {
  /** True from the first grant until the last of an unbroken row of holders has released. */
  #locked = false;
  /** Where callers of `runExclusive` join. Made when one first has to wait. */
  #tasks = void 0;
  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options) {
    super(options);
  }
  /** Whether a caller holds the lock. */
  get locked() {
    return this.#locked;
  }
  /**
   * Waits until the lock is free and takes it. O(1); O(log p) with a priority, for p different priorities in the queue.
   * The caller owns the lock from the moment of the hand-off and must release it: by `lock.release()`, or by `using`.
   * `runExclusive` does so by itself.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing; the order of
   * the others is unchanged. If a grant and an abort race, the one that came first stands: after a grant the promise
   * resolves and the caller owns the lock, aborted signal or not. A signal that is already aborted rejects even when
   * the lock is free.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(options) {
    const wait = this[$read](options);
    const refusal = wait === void 0 && !this.closed ? void 0 : this[$refusal](wait, this);
    return refusal ?? this[$acquireUnchecked](wait);
  }
  /** Takes the lock if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire() {
    return this.#locked || this.closed ? void 0 : this[$lockNow]();
  }
  /**
   * Runs `task` under the lock and releases it when the task has ended, whichever way; resolves or rejects as the task
   * does. On a free lock the task starts before this returns, as in calling an async function; otherwise it starts in
   * a microtask after the hand-off, in the caller's async context. The task is given the lock and may release it early.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started: the lock is passed on. Once
   * the task has started, neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  runExclusive(task, options) {
    checkFunction(this, "task", task);
    const wait = this[$read](options);
    return this[$refusal](wait, this) ?? this[$runUnchecked](task, wait);
  }
  /**
   * Returns a function that runs `fn` under the lock: same `this` and arguments, and a promise of the same result. The
   * options apply to every call.
   *
   * *Cancellation*: as for `runExclusive`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrap(fn, options) {
    checkFunction(this, "fn", fn);
    const wait = readAcquireOptions(this, options, void 0);
    return wrapFunction(fn, (task) => this.runExclusive(task, wait));
  }
  [$acquireUnchecked](wait) {
    return this.#locked ? this[$join](wait) : Promise.resolve(this[$lockNow]());
  }
  [$runUnchecked](task, wait) {
    if (!this.#locked) return runHolding(task, this[$lockNow]());
    if (wait !== void 0 || this[$settings].observer !== void 0) return this[$join](wait, 1, task);
    const refusal = this[$cannotWait](void 0);
    if (refusal !== void 0) return rejectImmediately(this, refusal);
    this.#tasks ??= { lanes: this[$lanes], lastTaskWasSync: true };
    return joinLine(this.#tasks, task, this[$count]());
  }
  [$lockNow]() {
    this[$occupy]();
    return grantFree(this, new Hold(this));
  }
  [$occupy]() {
    this.#locked = true;
  }
  /** Makes the first waiter the owner; if there is none, the lock is free. */
  [$handOff]() {
    const first = this[$first];
    if (first === void 0) this.#becomeFree();
    else if (!first.aborted) first.grant(this, new Hold(this));
    else {
      holdBack();
      try {
        if (!this[$grant](new Hold(this))) this.#becomeFree();
      } finally {
        letOut();
      }
    }
  }
  #becomeFree() {
    this.#locked = false;
    this[$freed]();
  }
  get [$kind]() {
    return "Mutex";
  }
  get [$isFree]() {
    return !this.#locked;
  }
  [$describe]() {
    return this.#locked ? "locked" : "free";
  }
}
class Entry extends Mutex {
  key;
  /** The claim whose turn it is, while its request lacks other keys. No caller holds the key then, and it is locked. */
  claimedBy = void 0;
  #owner;
  #entries;
  constructor(key, owner, entries) {
    super();
    this[$settings] = owner[$settings];
    this.key = key;
    this.#owner = owner;
    this.#entries = entries;
  }
  [$occupy]() {
    super[$occupy]();
    this.#entries.set(this.key, this);
  }
  [$freed]() {
    this.#entries.delete(this.key);
    this.#owner[$freed]();
  }
  [$handOff]() {
    this.revokeClaim();
    super[$handOff]();
  }
  /** Takes back the reservation: the key is about to be held, or claimed anew. */
  revokeClaim() {
    if (this.claimedBy === void 0) return;
    this.claimedBy.request.unclaimed++;
    this.claimedBy = void 0;
  }
  /** Looks again at a key that no caller holds: a caller that came or went may have changed whose turn it is. */
  grantEligible() {
    if (this.claimedBy !== void 0) this[$handOff]();
  }
  /** Has `join` wait for the key. Its priority may be higher than that of the claim on it. */
  enqueue(join) {
    holdBack();
    try {
      const joined = join();
      this.grantEligible();
      return joined;
    } finally {
      letOut();
    }
  }
  [$makeRequest]() {
    return { source: this.#owner, keys: [this.key] };
  }
  get [$label]() {
    return `${this.#owner[$label]} key ${show(this.key)}`;
  }
}
class Claim extends Place {
  request;
  entry;
  constructor(request, entry) {
    super();
    this.request = request;
    this.entry = entry;
  }
  /** The key is reserved. The claim stays in the queue until all keys are. */
  grant() {
    this.entry.claimedBy = this;
    if (--this.request.unclaimed === 0) this.request.takeAll();
  }
  reject(reason) {
    this.request.reject(reason);
  }
  get aborted() {
    return this.request.aborted;
  }
  dropAborted() {
    this.request.dropAborted();
  }
}
class MultiKeyRequest extends Queue$1 {
  entries;
  /** How many of the keys are not reserved for this. */
  unclaimed;
  #owner;
  /** All requests that wait for keys of the owner. */
  #waiting;
  #claims = [];
  constructor(owner, entries, waiting) {
    super(owner[$settings]);
    this.entries = entries;
    this.unclaimed = entries.length;
    this.#owner = owner;
    this.#waiting = waiting;
  }
  get free() {
    return !this.entries.some((entry) => entry.locked);
  }
  /** Takes keys that are all free. */
  lockNow() {
    for (const entry of this.entries) entry[$occupy]();
    return grantFree(this, new Hold(this));
  }
  acquire(wait) {
    return this.free ? Promise.resolve(this.lockNow()) : this.#enqueue(wait, () => this[$join](wait));
  }
  run(task, wait) {
    return this.free ? runHolding(task, this.lockNow()) : this.#enqueue(wait, () => this[$join](wait, 1, task));
  }
  /** Joins the queues of all keys in one instant. */
  #enqueue(wait, join) {
    const refusal = this[$cannotWait](wait) ?? this.entries.map((entry) => entry[$cannotWait](wait)).find(Boolean);
    if (refusal !== void 0) return rejectImmediately(this, refusal);
    holdBack();
    try {
      this.#waiting.add(this);
      for (const entry of this.entries) this.#claim(entry, wait?.priority);
      const joined = join();
      for (const { entry } of this.#claims) entry.grantEligible();
      return joined;
    } finally {
      letOut();
    }
  }
  #claim(entry, priority) {
    const claim = new Claim(this, entry);
    this.#claims.push(claim);
    entry[$enter](claim, priority);
    if (entry.locked) return;
    entry[$occupy]();
    claim.grant();
  }
  /** Takes all keys: each is reserved. */
  takeAll() {
    this.#leaveQueues();
    for (const entry of this.entries) entry.revokeClaim();
    const lock = new Hold(this);
    if (!this[$grant](lock)) lock.release();
  }
  /** Rejects the caller when all queues have been emptied. */
  reject(reason) {
    this.#waiting.delete(this);
    this[$rejectWaiters](reason);
  }
  get aborted() {
    return this[$first]?.aborted === true;
  }
  /** Lets the caller leave, which has aborted. */
  dropAborted() {
    this[$first].abort();
  }
  /** Gives back what was held. */
  [$handOff]() {
    holdBack();
    try {
      for (const entry of this.entries) entry[$handOff]();
    } finally {
      letOut();
    }
  }
  /** The caller left. */
  [$waiterLeft]() {
    if (!this.#waiting.has(this)) return;
    this.#leaveQueues();
    for (const claim of this.#claims) if (claim.entry.claimedBy === claim) claim.entry[$handOff]();
  }
  #leaveQueues() {
    this.#waiting.delete(this);
    for (const claim of this.#claims) claim.entry[$exit](claim);
  }
  get [$kind]() {
    return "";
  }
  get [$label]() {
    return `${this.#owner[$label]} keys ${this.entries.map((entry) => show(entry.key)).join(", ")}`;
  }
  [$makeRequest]() {
    return { source: this.#owner, keys: this.entries.map((entry) => entry.key) };
  }
}
class KeyedMutex extends Waitable {
  #entries = /* @__PURE__ */ new Map();
  /** The requests for many keys that wait. */
  #requests = /* @__PURE__ */ new Set();
  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options) {
    super(options);
  }
  /** How many keys are locked. */
  get size() {
    return this.#entries.size;
  }
  /** How many callers wait, over all keys. One that waits for many keys counts once. O(locked keys). */
  get waiting() {
    let waiting = 0;
    for (const entry of this.#entries.values()) waiting += entry.waiting;
    for (const request of this.#requests) waiting -= request.entries.length - request[$size];
    return waiting;
  }
  /** The keys that are locked now, in the order in which they became so. */
  keys() {
    return this.#entries.keys();
  }
  /** Whether `key` is held, or reserved for a caller that waits for other keys as well. */
  isLocked(key) {
    return this.#entries.has(key);
  }
  /** How many callers wait for `key`, those that wait for other keys as well included. */
  waitingFor(key) {
    return this.#entries.get(key)?.waiting ?? 0;
  }
  /**
   * Waits until `key` is free and takes it: `Mutex.acquire` for one key. O(1); O(log p) with a priority, for p
   * different priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing. If a grant
   * and an abort race, the one that came first stands: after a grant the promise resolves and the caller owns the key.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquire(key, options) {
    const wait = this[$read](options);
    const entry = this.#entry(key);
    const refusal = this[$refusal](wait, entry);
    if (refusal !== void 0) return refusal;
    if (entry.claimedBy === void 0) return entry[$acquireUnchecked](wait);
    return entry.enqueue(() => entry[$acquireUnchecked](wait));
  }
  /** Takes `key` if that needs no waiting, else returns `undefined`, as it does when the mutex is closed. O(1). */
  tryAcquire(key) {
    return this.closed || this.#entries.has(key) ? void 0 : this.#entry(key)[$lockNow]();
  }
  /**
   * Runs `task` while holding `key`: `Mutex.runExclusive` for one key. Resolves or rejects as the task does.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started: the key is passed on.
   * Once the task has started, neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  runExclusive(key, task, options) {
    checkFunction(this, "task", task);
    const wait = this[$read](options);
    const entry = this.#entry(key);
    const refusal = this[$refusal](wait, entry);
    if (refusal !== void 0) return refusal;
    if (entry.claimedBy === void 0) return entry[$runUnchecked](task, wait);
    return entry.enqueue(() => entry[$runUnchecked](task, wait));
  }
  /**
   * Returns a function that runs `fn` under the lock of a key: same `this` and arguments, and a promise of the same
   * result. `keyOf` makes the key of the arguments. The options apply to every call.
   *
   * *Cancellation*: as for `runExclusive`.
   *
   * @throws TypeError or RangeError for a wrong argument. A call rejects with what `keyOf` throws.
   *
   * @example
   * ```ts
   * import { KeyedMutex } from 'latchkey'
   *
   * const users = new KeyedMutex<string>()
   * const rename = users.wrap(async (id: string, name: string) => `${id} is ${name}`, id => id)
   * console.log(await rename('u1', 'Ann')) // prints: u1 is Ann
   * ```
   */
  wrap(fn, keyOf, options) {
    checkFunction(this, "fn", fn);
    checkFunction(this, "keyOf", keyOf);
    const wait = readAcquireOptions(this, options, void 0);
    return wrapFunction(fn, async (task, args) => this.runExclusive(keyOf(...args), task, wait));
  }
  /**
   * Waits until all of `keys` are free and takes them together, under one lock. It joins the queue of every key in the
   * same instant and holds none before it holds all, so no order of keys can deadlock, and every key stays first come
   * first served. A key named twice counts once; no keys at all are granted at once. O(keys).
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of every queue at once; every waiter behind it that
   * can now proceed does. If a grant and an abort race, the one that came first stands: after a grant the promise
   * resolves and the caller owns the keys.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquireMany(keys, options) {
    const distinct = this.#distinct(keys);
    const wait = this[$read](options);
    const request = this.#request(distinct);
    return this[$refusal](wait, request) ?? request.acquire(wait);
  }
  /** Takes all of `keys` if that needs no waiting, else takes none and returns `undefined`. O(keys). */
  tryAcquireMany(keys) {
    const request = this.#request(this.#distinct(keys));
    return this.closed || !request.free ? void 0 : request.lockNow();
  }
  /**
   * Runs `task` while holding all of `keys`. Resolves or rejects as the task does.
   *
   * *Cancellation*: as for `acquireMany`, and a task whose signal has aborted is never started: the keys are passed on.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquireMany` rejects with,
   * or with what the task threw.
   */
  runExclusiveMany(keys, task, options) {
    checkFunction(this, "task", task);
    const distinct = this.#distinct(keys);
    const wait = this[$read](options);
    const request = this.#request(distinct);
    return this[$refusal](wait, request) ?? request.run(task, wait);
  }
  get [$kind]() {
    return "KeyedMutex";
  }
  get [$isFree]() {
    return this.#entries.size === 0;
  }
  [$rejectWaiters](reason) {
    holdBack();
    try {
      const entries = [...this.#entries.values()];
      const places = entries.flatMap((entry) => entry[$drain]());
      for (const entry of entries) entry.grantEligible();
      for (const place of places) place.reject(reason);
    } finally {
      letOut();
    }
  }
  [$describe]() {
    const { size } = this;
    return `${size} ${size === 1 ? "key" : "keys"}`;
  }
  #entry(key) {
    return this.#entries.get(key) ?? new Entry(key, this, this.#entries);
  }
  #distinct(keys) {
    const isIterable = typeof keys === "object" && typeof keys?.[Symbol.iterator] === "function";
    check(isIterable, this, "keys", "an iterable of keys", keys);
    return new Set(keys);
  }
  #request(keys) {
    return new MultiKeyRequest(
      this,
      Array.from(keys, (key) => this.#entry(key)),
      this.#requests
    );
  }
}
class WeightedLock extends Waitable {
  [$neverFits](_weight) {
    return void 0;
  }
  /** Takes what needs no waiting. */
  [$lockNow](weight) {
    if (this.closed || this[$size] > 0 || !this[$fits](weight)) return void 0;
    return grantFree(this, this[$add](weight));
  }
  [$acquireUnchecked](weight, wait) {
    const refusal = wait === void 0 && !this.closed ? void 0 : this[$refusal](wait, this);
    if (refusal !== void 0) return refusal;
    if (this[$size] > 0 || !this[$fits](weight)) return this.#enqueue(weight, wait);
    return Promise.resolve(grantFree(this, this[$add](weight)));
  }
  [$runUnchecked](task, weight, wait) {
    const refusal = this[$refusal](wait, this);
    if (refusal !== void 0) return refusal;
    const lock = this[$lockNow](weight);
    return lock === void 0 ? this.#enqueue(weight, wait, task) : runHolding(task, lock);
  }
  #enqueue(weight, wait, task) {
    if (!this[$fits](1)) return this[$join](wait, weight, task);
    holdBack();
    try {
      const joined = this[$join](wait, weight, task);
      this[$grantEligible]();
      return joined;
    } finally {
      letOut();
    }
  }
  [$grantEligible]() {
    if (this[$size] === 0) return;
    holdBack();
    try {
      while (this[$fits](1)) {
        const place = this[$first];
        if (place === void 0) break;
        const { weight } = place;
        if (place.aborted) place.dropAborted(this);
        else if (weight === 1 || this[$fits](weight)) place.grant(this, this[$add](weight));
        else {
          const never = this[$neverFits](weight);
          if (never === void 0) break;
          this[$exit](place);
          place.reject(never);
        }
      }
    } finally {
      letOut();
    }
  }
  [$waiterLeft]() {
    this[$grantEligible]();
  }
  [$handOff](hold) {
    this[$remove](hold);
    this[$grantEligible]();
    if (this[$isFree]) this[$freed]();
  }
}
const READ = 1;
const WRITE = 2;
const $upgrade = Symbol("upgrade");
const $downgrade = Symbol("downgrade");
class ReadHold {
  constructor(lock) {
    this[$grantor] = lock;
  }
  tryUpgrade() {
    return this.held ? this[$grantor][$upgrade](this) : void 0;
  }
}
inheritHold(ReadHold);
class WriteHold {
  constructor(lock) {
    this[$grantor] = lock;
  }
  downgrade() {
    if (!this.held) throw new TypeError("ReadWriteLock: a write lock that was released cannot be downgraded");
    return this[$grantor][$downgrade](this);
  }
}
inheritHold(WriteHold);
class ReadWriteLock extends WeightedLock {
  #readers = 0;
  /** Never while a caller reads. */
  #writing = false;
  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options) {
    super(options);
  }
  /** How many hold a read lock. */
  get readers() {
    return this.#readers;
  }
  /** Whether a caller holds the write lock. */
  get writing() {
    return this.#writing;
  }
  /**
   * Waits for the writers that came before, and joins the readers. O(1); O(log p) with a
   * priority, for p different priorities in the queue.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing; those behind it
   * that can go now go in the same instant. If a grant and an abort race, the one that came first stands: after a grant
   * the promise resolves and the caller owns the lock.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects with `signal.reason` untouched, with
   * `LockTimeoutError`, `QueueFullError`, `LockClosedError` or `LockCancelledError`.
   */
  acquireRead(options) {
    return this[$acquireUnchecked](READ, this[$read](options));
  }
  /**
   * Waits until all who came before have gone, and writes alone. O(1); O(log p) with a priority, for p different
   * priorities in the queue.
   *
   * *Cancellation*: as for `acquireRead`. The readers behind a writer that leaves are granted at once if others read now.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option. Rejects as `acquireRead` does.
   */
  acquireWrite(options) {
    return this[$acquireUnchecked](WRITE, this[$read](options));
  }
  /** Takes a read lock if that needs no waiting, else returns `undefined`, as it does behind a waiting writer. O(1). */
  tryAcquireRead() {
    return this[$lockNow](READ);
  }
  /** Takes the write lock if no caller reads, writes or waits, else returns `undefined`. O(1). */
  tryAcquireWrite() {
    return this[$lockNow](WRITE);
  }
  /**
   * Runs `task` under a read lock and releases it when the task has ended, whichever way; resolves or rejects as the
   * task does. Without waiting the task starts before this returns, otherwise in a microtask after the grant, in the
   * caller's async context.
   *
   * *Cancellation*: as for `acquireRead`, and a task whose signal has aborted is never started.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquireRead` rejects with,
   * or with what the task threw.
   */
  runRead(task, options) {
    checkFunction(this, "task", task);
    return this[$runUnchecked](task, READ, this[$read](options));
  }
  /**
   * Runs `task` under the write lock: as `runRead`, alone.
   *
   * *Cancellation*: as for `acquireWrite`, and a task whose signal has aborted is never started.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquireWrite` rejects with,
   * or with what the task threw.
   */
  runWrite(task, options) {
    checkFunction(this, "task", task);
    return this[$runUnchecked](task, WRITE, this[$read](options));
  }
  /**
   * Returns a function that runs `fn` under the write lock: same `this` and arguments, and a promise of the same result.
   * The options apply to every call.
   *
   * *Cancellation*: as for `runWrite`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrap(fn, options) {
    checkFunction(this, "fn", fn);
    const wait = readAcquireOptions(this, options, void 0);
    return wrapFunction(fn, (task) => this.runWrite(task, wait));
  }
  /**
   * The same under a read lock: the calls share it with each other and with other readers.
   *
   * *Cancellation*: as for `runRead`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrapRead(fn, options) {
    checkFunction(this, "fn", fn);
    const wait = readAcquireOptions(this, options, void 0);
    return wrapFunction(fn, (task) => this.runRead(task, wait));
  }
  [$upgrade](reader) {
    if (this.#readers > 1) return void 0;
    this.#readers = 0;
    this.#writing = true;
    return reader[$transferTo](new WriteHold(this));
  }
  [$downgrade](writer) {
    this.#writing = false;
    this.#readers = 1;
    const reader = writer[$transferTo](new ReadHold(this));
    this[$grantEligible]();
    return reader;
  }
  [$fits](weight) {
    return !this.#writing && (weight === READ || this.#readers === 0);
  }
  [$add](weight) {
    if (weight === READ) {
      this.#readers++;
      return new ReadHold(this);
    }
    this.#writing = true;
    return new WriteHold(this);
  }
  [$remove](lock) {
    if (lock instanceof ReadHold) this.#readers--;
    else this.#writing = false;
  }
  get [$kind]() {
    return "ReadWriteLock";
  }
  get [$isFree]() {
    return !this.#writing && this.#readers === 0;
  }
  [$describe]() {
    const readers = this.#readers === 1 ? "1 reader" : `${this.#readers} readers`;
    return this.#writing ? "writing" : this.#readers > 0 ? readers : "free";
  }
}
class Stop {
  /** What is called once, when it stops. */
  wake = void 0;
  #failure = void 0;
  #signal;
  #listener = void 0;
  constructor(signal) {
    this.#signal = signal;
    if (signal !== void 0) subscribe(signal, this);
  }
  get aborted() {
    return this.#failure !== void 0 || this.#signal?.aborted === true;
  }
  get reason() {
    if (this.#failure !== void 0) return this.#failure.reason;
    return this.#signal === void 0 ? void 0 : reasonOf(this.#signal);
  }
  fail(reason) {
    if (this.#failure !== void 0) return;
    this.#failure = { reason: this.aborted ? this.reason : reason };
    this.#tell();
  }
  /** The signal has aborted. */
  abort() {
    this.fail(void 0);
  }
  /** Every item was started, or none will be: from now on the signal changes nothing. */
  ignoreSignal() {
    if (this.#signal === void 0) return;
    if (this.#signal.aborted) this.fail(void 0);
    unsubscribe(this.#signal, this);
    this.#signal = void 0;
  }
  addEventListener(_event, listener) {
    this.#listener = listener;
  }
  removeEventListener() {
    this.#listener = void 0;
  }
  #tell() {
    this.wake?.();
    this.#listener?.();
  }
}
function checkIterable(source, iterable) {
  const { [Symbol.asyncIterator]: isAsync, [Symbol.iterator]: isSync } = Object(iterable);
  const isIterable = isObject(iterable) || typeof iterable === "function";
  const ok = isIterable && (typeof isAsync === "function" || typeof isSync === "function");
  check(ok, source, "iterable", "an iterable or an async iterable", iterable);
}
function open(iterable) {
  const openAsync = iterable[Symbol.asyncIterator];
  const isAsync = typeof openAsync === "function";
  const iterator = isAsync ? openAsync.call(iterable) : iterable[Symbol.iterator]();
  return {
    isAsync,
    next: () => iterator.next(),
    return: () => iterator.return?.()
  };
}
async function mapItems(iterable, mapper, run, signal) {
  const results = [];
  const running = /* @__PURE__ */ new Set();
  const stop = new Stop(signal);
  const start2 = (item, index) => new Promise((resolve) => {
    const task = (permit) => {
      resolve();
      try {
        return mapper(item, index, permit);
      } catch (error) {
        stop.fail(error);
        throw error;
      }
    };
    const ended = run(task, stop).then(
      (value) => {
        results[index] = value;
      },
      (error) => stop.fail(error)
    ).then(() => {
      running.delete(ended);
      resolve();
    });
    running.add(ended);
  });
  try {
    const closing = stop.aborted ? void 0 : await pull(open(iterable), stop, start2);
    stop.ignoreSignal();
    await closing?.done;
  } catch (error) {
    stop.fail(error);
    stop.ignoreSignal();
  }
  await Promise.all(running);
  if (stop.aborted) throw stop.reason;
  return results;
}
async function pull(source, stop, start2) {
  for (let index = 0; !stop.aborted; index++) {
    let result;
    if (source.isAsync) result = await nextOrStop(source, stop);
    else result = source.next();
    if (result === void 0) return void close(source);
    check(isObject(result), "Semaphore", "what the iterator returned", "an object", result);
    if (result.done) return void 0;
    try {
      if (!stop.aborted) await start2(result.value, index);
    } catch (error) {
      stop.fail(error);
    }
  }
  return { done: close(source) };
}
function nextOrStop(source, stop) {
  return new Promise((resolve, reject) => {
    stop.wake = () => resolve(void 0);
    Promise.resolve(source.next()).then(resolve, reject);
  });
}
async function close(source) {
  try {
    await source.return?.();
  } catch {
  }
}
class PermitHold {
  permits;
  constructor(semaphore, permits) {
    this[$grantor] = semaphore;
    this.permits = permits;
  }
  split(n) {
    const semaphore = this.held ? this[$grantor] : void 0;
    const most = semaphore === void 0 ? 0 : this.permits - 1;
    checkWhole(semaphore ?? "Semaphore", "n", n, 1, most);
    this.permits -= n;
    return grantFree(semaphore, new PermitHold(semaphore, n));
  }
}
inheritHold(PermitHold);
class Semaphore extends WeightedLock {
  #capacity;
  /** How many permits are held. More than the capacity only after it was made smaller. */
  #out = 0;
  /**
   * @param permits the capacity: a whole number >= 1, or `Infinity`. It costs nothing: a billion is as cheap as 1.
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(permits, options) {
    super(options);
    this.#capacity = checkWhole(this, "permits", permits, 1, Infinity);
  }
  /** How many permits there are, held or not. */
  get capacity() {
    return this.#capacity;
  }
  /** How many permits are not held. While callers wait, they are kept for the first of them. */
  get available() {
    return Math.max(0, this.#capacity - this.#out);
  }
  /**
   * Waits until as many permits as are asked for are free, and takes them. O(1); O(log p) with a priority, for p
   * different priorities in the queue. No caller overtakes: a request that does not fit yet stops those behind it, however
   * small.
   *
   * *Cancellation*: an abort or a timeout (ms) takes the caller out of the queue at once and takes nothing. Those behind it
   * that fit now are granted in the same instant. If a grant and an abort race, the one that came first stands: after a
   * grant the promise resolves and the caller owns the permits.
   *
   * @throws TypeError or RangeError, at the call, for a wrong option; more permits than the capacity are one. Rejects
   * with `signal.reason` untouched, with `LockTimeoutError`, `QueueFullError`, `LockClosedError` or
   * `LockCancelledError`; and with a `RangeError` if `resize` has made the capacity too small for it when its turn
   * comes.
   */
  acquire(options) {
    const wait = this.#read(options);
    return this[$acquireUnchecked](wait?.permits ?? 1, wait);
  }
  /**
   * Takes `permits` if that needs no waiting, else returns `undefined`, as it does when the semaphore is closed. O(1).
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  tryAcquire(permits = 1) {
    return this[$lockNow](this.#count("permits", permits));
  }
  /**
   * Runs `task` while holding permits, and releases them when the task has ended, whichever way; resolves or rejects as
   * the task does. If the permits are free the task starts before this returns, otherwise in a microtask after the
   * grant, in the caller's async context.
   *
   * *Cancellation*: as for `acquire`, and a task whose signal has aborted is never started: the permits are passed on.
   * Once the task has started, neither signal nor timeout touches it.
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what `acquire` rejects with, or
   * with what the task threw.
   */
  run(task, options) {
    checkFunction(this, "task", task);
    const wait = this.#read(options);
    return this[$runUnchecked](task, wait?.permits ?? 1, wait);
  }
  /**
   * Returns a function that runs `fn` under the semaphore: same `this` and arguments, and a promise of the same result. The
   * options apply to every call.
   *
   * *Cancellation*: as for `run`.
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  wrap(fn, options) {
    checkFunction(this, "fn", fn);
    const own = this.#read(options);
    return wrapFunction(fn, (task) => this.run(task, own));
  }
  /**
   * Calls `mapper` with each item, its index and the permit, under the semaphore; resolves with the results, in the order
   * of the items. Each call holds permits of its own (`options.permits`, default 1), so callers of `run` and other maps
   * share the semaphore with it. Items are pulled as they can be started, at most one ahead: the iterable may be endless.
   * O(1) for each item, beside the results.
   *
   * The first thing that fails ends it: the mapper, the iterable, or a wait for permits. Nothing more is pulled or
   * started, and the iterator's `return()` is called. It rejects with that error once every mapper that was started has
   * ended.
   *
   * *Cancellation*: an abort ends it in the same way, with `signal.reason`, even while an async iterable is waited for. It
   * changes nothing once all items have started. A timeout (ms) limits the wait of each item for its permits.
   *
   * @example
   * ```ts
   * import { Semaphore } from 'latchkey'
   *
   * const requests = new Semaphore(2)
   * const lengths = await requests.map(['a', 'bb', 'ccc'], async (text, index) => index + text.length)
   * console.log(lengths) // prints: [ 1, 3, 5 ]
   * ```
   *
   * @throws TypeError or RangeError, at the call, for a wrong argument. Rejects with what the mapper or the iterable threw,
   * or with what `acquire` rejects with.
   */
  map(iterable, mapper, options) {
    checkIterable(this, iterable);
    checkFunction(this, "mapper", mapper);
    const wait = this.#read(options);
    return mapItems(iterable, mapper, (task, signal) => this.run(task, { ...wait, signal }), wait?.signal);
  }
  /**
   * Changes the capacity; what is out counts towards it. Larger: waiters at the head of the queue that fit now are granted
   * before this returns. Smaller than what is out: holders keep their permits, and nothing is granted until enough
   * has come back. A waiter for more than the new capacity is rejected with a `RangeError` when its turn comes,
   * unless there is room again by then. O(granted).
   *
   * @throws TypeError or RangeError for a wrong argument.
   */
  resize(permits) {
    this.#capacity = checkWhole(this, "permits", permits, 1, Infinity);
    this[$grantEligible]();
  }
  [$fits](permits) {
    return permits <= this.#capacity - this.#out;
  }
  [$add](permits) {
    this.#out += permits;
    return new PermitHold(this, permits);
  }
  [$remove](permit) {
    this.#out -= permit.permits;
  }
  [$neverFits](permits) {
    if (permits <= this.#capacity) return void 0;
    return new RangeError(`${this[$label]}: the capacity is ${this.#capacity} now, too little for ${permits} permits`);
  }
  #read(options) {
    const permits = options?.permits;
    const wait = this[$read](options);
    return permits === void 0 ? wait : { ...wait, permits: this.#count("options.permits", permits) };
  }
  #count(argument, permits = 1) {
    const isCount = Number.isInteger(permits) && permits >= 1 && permits <= this.#capacity;
    check(isCount, this, argument, `a whole number from 1 to ${this.#capacity}, the capacity`, permits);
    return permits;
  }
  get [$kind]() {
    return "Semaphore";
  }
  get [$isFree]() {
    return this.#out === 0;
  }
  [$describe]() {
    return `${this.available} of ${this.#capacity} available`;
  }
}
class BuggyMutex {
  locked = false;
  /** @type {Array<() => void>} */
  queue = [];
  /** @returns {Promise<() => void>} */
  acquire() {
    return new Promise((resolve) => {
      const attempt = () => {
        if (this.locked) {
          this.queue.push(attempt);
          return;
        }
        this.locked = true;
        resolve(() => this.release());
      };
      attempt();
    });
  }
  release() {
    const next = this.queue.shift();
    if (next) next();
    else this.locked = false;
  }
}
class RepairedMutex {
  locked = false;
  /** @type {Array<(release: () => void) => void>} */
  queue = [];
  /** @returns {Promise<() => void>} */
  acquire() {
    return new Promise((resolve) => {
      if (this.locked) this.queue.push(resolve);
      else {
        this.locked = true;
        resolve(() => this.release());
      }
    });
  }
  release() {
    const next = this.queue.shift();
    if (next) next(() => this.release());
    else this.locked = false;
  }
}
class PromiseChain {
  tail = Promise.resolve();
  /** @returns {Promise<() => void>} */
  acquire() {
    const before = this.tail;
    let release = () => {
    };
    this.tail = new Promise((resolve) => {
      release = resolve;
    });
    return before.then(() => release);
  }
}
class ReadersFirst {
  readers = 0;
  writing = false;
  /** @type {Array<{ kind: 'read' | 'write', enter: () => void }>} */
  queue = [];
  /**
   * @param {'read' | 'write'} kind
   * @returns {Promise<() => void>}
   */
  acquire(kind) {
    return new Promise((resolve) => {
      const enter = () => {
        if (kind === "read") this.readers++;
        else this.writing = true;
        resolve(() => this.release(kind));
      };
      if (this.fits(kind)) enter();
      else this.queue.push({ kind, enter });
    });
  }
  /** @param {'read' | 'write'} kind */
  fits(kind) {
    return !this.writing && (kind === "read" || this.readers === 0);
  }
  /** @param {'read' | 'write'} kind */
  release(kind) {
    if (kind === "read") this.readers--;
    else this.writing = false;
    while (this.queue[0] && this.fits(this.queue[0].kind)) this.queue.shift()?.enter();
  }
}
function setStage({ lock, size }, audience) {
  if (lock === "buggy") return new HandRolledStage(new BuggyMutex(), audience);
  if (lock === "repaired") return new HandRolledStage(new RepairedMutex(), audience);
  if (lock === "chain") return new HandRolledStage(new PromiseChain(), audience);
  if (lock === "readers-first") return new HandRolledStage(new ReadersFirst(), audience);
  return new LatchkeyStage(lock, size, audience);
}
const PATIENCE = 5e3;
class LatchkeyStage {
  #requests = [];
  #byLock = /* @__PURE__ */ new Map();
  #lock;
  #asking;
  constructor(lock, size, audience) {
    const observer = {
      queued: (seen) => this.#note(seen),
      granted: (seen) => audience.granted(this.#note(seen), true),
      abandoned: (seen, reason) => audience.left(this.#note(seen), reason)
    };
    if (lock === "keyed") this.#lock = new KeyedMutex({ observer });
    else if (lock === "semaphore") this.#lock = new Semaphore(size, { observer });
    else if (lock === "rw") this.#lock = new ReadWriteLock({ observer });
    else this.#lock = new Mutex({ observer });
  }
  /** The first that is heard of a request is heard while it asks. */
  #note(seen) {
    const request = this.#byLock.get(seen) ?? this.#asking;
    this.#byLock.set(seen, request);
    return request;
  }
  ask(request) {
    const controller = new AbortController();
    this.#asking = request;
    this.#requests.push(request);
    const { result, expire: expire2 } = withTimerInHand(
      () => this.#acquire(request, { signal: controller.signal, timeout: PATIENCE })
    );
    this.#asking = void 0;
    request.leave = () => controller.abort();
    request.expire = expire2;
    result.then(
      (lock) => {
        request.release = () => lock.release();
      },
      () => {
      }
      // `abandoned` has told
    );
  }
  #acquire({ keys, permits, step }, options) {
    const lock = this.#lock;
    if (lock instanceof KeyedMutex) return lock.acquireMany(keys, options);
    if (lock instanceof Semaphore) return lock.acquire({ ...options, permits });
    if (lock instanceof Mutex) return lock.acquire(options);
    return step.verb === "read" ? lock.acquireRead(options) : lock.acquireWrite(options);
  }
  release(request) {
    request.release();
  }
  line(key) {
    return this.#requests.filter(({ state, keys }) => state === "waits" && keys.includes(key));
  }
  isTaken(key) {
    const lock = this.#lock;
    if (lock instanceof KeyedMutex) return lock.isLocked(key);
    if (lock instanceof Semaphore) return lock.available < lock.capacity;
    if (lock instanceof Mutex) return lock.locked;
    return lock.writing || lock.readers > 0;
  }
  get waiting() {
    return this.#lock.waiting;
  }
}
function withTimerInHand(call) {
  const { setTimeout: start2 } = globalThis;
  let expire2 = () => {
  };
  globalThis.setTimeout = (callback, _ms, ...args) => {
    expire2 = () => callback(...args);
    return 0;
  };
  try {
    return { result: call(), expire: () => expire2() };
  } finally {
    globalThis.setTimeout = start2;
  }
}
class HandRolledStage {
  #lock;
  #audience;
  #requests = [];
  #places = /* @__PURE__ */ new Map();
  /** The requests that are in the queue or hold the lock, whether or not their clients are still there. */
  #granted = /* @__PURE__ */ new Set();
  constructor(lock, audience) {
    this.#lock = lock;
    this.#audience = audience;
  }
  ask(request) {
    const { queue } = this.#lock;
    this.#requests.push(request);
    const promise = this.#lock.acquire(request.step.verb === "write" ? "write" : "read");
    const place = queue?.find((entry) => !this.#places.has(entry));
    if (place !== void 0) this.#places.set(place, request);
    const stopLooking = (reason) => {
      request.ghost = true;
      this.#audience.left(request, reason);
    };
    request.leave = () => stopLooking(new DOMException("", "AbortError"));
    request.expire = () => stopLooking(new DOMException("", "TimeoutError"));
    this.#look();
    promise.then((release) => {
      request.release = release;
      this.#grant(request, false);
    });
  }
  release(request) {
    request.release();
    this.#look();
  }
  /** A request that was in the queue before a call and is not after it was granted by that call. */
  #look() {
    if (this.#lock.queue === void 0) return;
    const waiting = new Set(this.line());
    for (const request of this.#requests) if (!waiting.has(request)) this.#grant(request, true);
  }
  #grant(request, atOnce) {
    if (this.#granted.has(request)) return;
    this.#granted.add(request);
    this.#audience.granted(request, atOnce);
  }
  line() {
    const { queue } = this.#lock;
    if (queue === void 0) return this.#requests.filter((request) => !this.#granted.has(request));
    return queue.flatMap((place) => this.#places.get(place) ?? []);
  }
  isTaken() {
    const { locked, readers, writing } = this.#lock;
    if (locked !== void 0) return locked;
    if (readers !== void 0) return writing === true || readers > 0;
    return this.#requests.some(({ state, ghost }) => state === "holds" || state === "waits" || ghost);
  }
  get waiting() {
    return this.#lock.queue?.length;
  }
}
function standing({ phase, holds, waitsFor, place }) {
  const isKind = waitsFor === "read" || waitsFor === "write";
  const what = waitsFor === "" ? "" : isKind ? ` to ${waitsFor}` : ` for ${waitsFor}`;
  const waits = `waits${what}, ${place === 1 ? "next" : `${ordinal(place)} in the queue`}`;
  const has = holds === "read" ? "reads" : holds === "write" ? "writes" : `holds${holds && ` ${holds}`}`;
  const words = {
    idle: "idle",
    waits,
    holds: has,
    works: `${has}, works`,
    "holds-and-waits": `${has}, ${waits}`,
    left: "has left",
    "ghost-waits": "has left, is in the queue",
    "ghost-holds": "has left, holds it"
  };
  return words[phase];
}
function standingInShort(client) {
  const words = {
    idle: "idle",
    waits: client.place === 1 ? "next" : ordinal(client.place),
    holds: "holds",
    works: "works",
    "holds-and-waits": "holds, waits",
    left: "has left",
    "ghost-waits": "left, queued",
    "ghost-holds": "left, holds"
  };
  return words[client.phase];
}
const describe = (moment) => moment.clients.map((client) => `${client.name}: ${standing(client)}`).join(". ");
const SHORT = {
  acquire: "acquire",
  read: "read",
  write: "write",
  work: "work",
  release: "release",
  again: "again",
  abort: "cancel",
  timeout: "time out"
};
const shortStep = ({ verb, what }) => what === void 0 ? SHORT[verb] : `take ${what}`;
const ordinal = (n) => `${n}${n === 1 ? "st" : n === 2 ? "nd" : n === 3 ? "rd" : "th"}`;
const actOf = (verb) => verb === "acquire" || verb === "read" || verb === "write" ? "ask" : verb;
async function play(schedule) {
  const run = new Run(schedule);
  const moments = [run.look(void 0)];
  for (const step of schedule.steps) {
    run.take(step);
    await allMicrotasks();
    moments.push(run.look(step));
  }
  return moments;
}
const allMicrotasks = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(void 0);
});
class Run {
  #schedule;
  #stage;
  #requests = [];
  #told = [];
  #handovers = [];
  #worker;
  #releasing;
  /** To whom a release has handed the lock so far. */
  #owners = [];
  /** While it calls, and for the rest of the step. */
  #asking;
  #asked;
  constructor(schedule) {
    this.#schedule = schedule;
    this.#stage = setStage(schedule, {
      granted: (request, atOnce) => this.#granted(request, atOnce),
      left: (request, reason) => this.#left(request, reason)
    });
  }
  take(step) {
    this.#told = [];
    this.#handovers = [];
    this.#worker = void 0;
    this.#releasing = void 0;
    this.#asked = void 0;
    const { client, verb } = step;
    const act = actOf(verb);
    if (!this.#abilities(client).has(act)) this.#tell(`${client} ${CANNOT[act]}`);
    else if (act === "ask") this.#ask(step);
    else if (act === "work") this.#work(client);
    else if (act === "release") this.#release(client);
    else if (act === "again") this.#releaseAgain(client);
    else this.#leaveQueue(client, act);
  }
  #tell(sentence) {
    this.#told.push(sentence);
  }
  #ask(step) {
    const { lock } = this.#schedule;
    const request = {
      client: step.client,
      step,
      keys: lock === "keyed" ? [...new Set(step.what?.split("+"))] : [""],
      permits: lock === "semaphore" ? Number(step.what) : 1,
      state: "waits",
      overtaken: 0,
      ghost: false,
      release: () => {
      },
      leave: () => {
      },
      expire: () => {
      }
    };
    this.#requests.push(request);
    this.#asking = request;
    this.#tell(`${step.client} asks ${forWhat(lock, request)}.`);
    this.#stage.ask(request);
    this.#asking = void 0;
    this.#asked = request;
  }
  #tellPlace(request) {
    const places = request.keys.map((key) => this.#stage.line(key).indexOf(request) + 1);
    this.#tell(`${request.client} has to wait, ${ordinal(Math.max(...places))} in the queue.`);
  }
  #granted(request, atOnce) {
    if (request.state === "released") return;
    for (const earlier of this.#requests) {
      if (earlier === request) break;
      const meets = earlier.keys.some((key) => request.keys.includes(key));
      if (earlier.state === "waits" && meets && !earlier.ghost) {
        earlier.overtaken++;
        this.#tell(`${request.client} goes past ${earlier.client}, which came first.`);
      }
    }
    const wasGone = request.state === "left";
    request.state = "holds";
    const from = this.#releasing;
    if (from !== void 0) this.#handovers.push({ from: from.client, to: request.client, atOnce });
    if (wasGone) this.#tell(`The lock goes to ${request.client}, which has left. No client is there to release it.`);
    else if (request === this.#asking) this.#tell(`${request.client} has ${itOrThem(request)} at once.`);
    else if (request === this.#asked) this.#tell(`${request.client} has ${itOrThem(request)}.`);
    else if (from === void 0) this.#tell(`${request.client} is next, fits, and goes in at the same instant.`);
    else if (atOnce) this.#owners.push(request);
    else this.#tell(`${request.client} has the lock a moment after release() has returned.`);
  }
  #left(request, reason) {
    request.state = "left";
    const why = reason?.name === "TimeoutError" ? "times out" : "cancels";
    this.#tell(
      request.ghost ? `${request.client} ${why} and goes away. The lock is not told, so its place in the queue stays.` : `${request.client} ${why} and leaves the queue at once. Nothing of it stays behind.`
    );
  }
  #work(client) {
    this.#worker = client;
    this.#tell(`${client} works with what the lock guards.`);
    const others = this.#crowd().filter((name) => name !== client);
    if (others.length > 0) this.#tell(`${list(others)} may be doing the same right now.`);
  }
  #release(client) {
    for (const request of this.#requests.filter((request2) => isHeldBy(request2, client))) {
      const before = this.#stage.line("");
      this.#tell(`${client} releases${ofWhat(this.#schedule.lock, request)}.`);
      request.state = "released";
      this.#letGo(request);
      if (this.#schedule.lock === "buggy") this.#tellRequeue(before);
    }
  }
  #letGo(request) {
    this.#releasing = request;
    this.#owners = [];
    this.#stage.release(request);
    const owners = this.#owners.map(({ client }) => client);
    if (owners.length === 0) return;
    const what = this.#schedule.lock === "keyed" ? `what ${owners.length === 1 ? "it" : "they"} asked for` : "the lock";
    this.#tell(`${list(owners)} ${owners.length === 1 ? "owns" : "own"} ${what} before release() has returned.`);
  }
  /** The fault of the buggy mutex: no client is served, and the first in the queue stands at the end of it. */
  #tellRequeue([first]) {
    if (first === void 0 || this.#handovers.length > 0) return;
    this.#tell(`release() calls ${first.client}, which finds the lock still taken and queues again, at the end.`);
  }
  #releaseAgain(client) {
    const request = this.#released(client);
    if (request === void 0) return;
    this.#tell(`${client} calls the same release() once more.`);
    const { length } = this.#told;
    const wasTaken = request.keys.some((key) => this.#stage.isTaken(key));
    this.#letGo(request);
    if (this.#told.length > length) return;
    const isFreed = wasTaken && !request.keys.some((key) => this.#stage.isTaken(key));
    this.#tell(
      isFreed ? "The lock counts as free now, although another client holds it." : "Nothing happens: it was released already."
    );
  }
  #leaveQueue(client, act) {
    const request = this.#requests.find((request2) => request2.client === client && request2.state === "waits");
    if (act === "abort") request?.leave();
    else request?.expire();
  }
  #released(client) {
    return this.#requests.findLast((request) => request.client === client && request.state === "released");
  }
  #waitsFor(client) {
    return this.#requests.find((request) => request.client === client && request.state === "waits");
  }
  /** A client that waits can do nothing else until it is served or leaves. */
  #abilities(client) {
    if (this.#waitsFor(client)) return /* @__PURE__ */ new Set(["abort", "timeout"]);
    const acts = /* @__PURE__ */ new Set(["ask"]);
    if (this.#requests.some((request) => isHeldBy(request, client))) acts.add("work").add("release");
    if (this.#released(client)) acts.add("again");
    return acts;
  }
  look(step) {
    const names = namesOf(this.#schedule.clients);
    const { verdict, because } = this.#judge();
    if (this.#asked?.state === "waits") this.#tellPlace(this.#asked);
    return {
      step,
      told: this.#told,
      clients: names.map((name) => this.#view(name)),
      lines: this.#keys().map((key) => this.#lineView(key)),
      handovers: this.#handovers,
      verdict,
      because,
      inLine: new Set(this.#keys().flatMap((key) => this.#stage.line(key))).size,
      waiting: this.#stage.waiting,
      can: new Map(names.map((name) => [name, this.#abilities(name)]))
    };
  }
  #keys() {
    if (this.#schedule.lock !== "keyed") return [""];
    return [.../* @__PURE__ */ new Set(["a", "b", ...this.#requests.flatMap(({ keys }) => keys)])].sort();
  }
  #lineView(key) {
    const seat = (request) => ({
      client: request.client,
      what: wordFor(this.#schedule.lock, request),
      ghost: request.ghost
    });
    const holders = this.#holders(key);
    return {
      key,
      holders: holders.map(seat),
      queue: this.#stage.line(key).map(seat),
      kept: holders.length === 0 && this.#stage.isTaken(key)
    };
  }
  #view(name) {
    const { lock } = this.#schedule;
    const own = this.#requests.filter((request) => request.client === name);
    const held = own.filter((request) => isHeldBy(request, name));
    const waiting = this.#waitsFor(name);
    const places = waiting?.keys.map((key) => this.#stage.line(key).indexOf(waiting) + 1) ?? [0];
    return {
      name,
      phase: this.#phase(name, own, held.length > 0, waiting !== void 0),
      holds: held.map((request) => wordFor(lock, request)).join(", "),
      waitsFor: waiting === void 0 ? "" : wordFor(lock, waiting),
      place: Math.max(...places)
    };
  }
  #phase(name, own, holds, waits) {
    if (this.#worker === name) return "works";
    if (holds) return waits ? "holds-and-waits" : "holds";
    if (waits) return "waits";
    if (own.some((request) => request.ghost && request.state === "holds")) return "ghost-holds";
    if (own.some((request) => request.ghost && request.state === "left")) return "ghost-waits";
    return own.at(-1)?.state === "left" ? "left" : "idle";
  }
  #holders(key) {
    return this.#requests.filter(({ state, keys }) => state === "holds" && keys.includes(key));
  }
  #judge() {
    const crowd = this.#crowd();
    if (crowd.length > 0) {
      return { verdict: "crowd", because: `${list(crowd)} hold the lock at the same time. It lets in one too many.` };
    }
    const waiting = this.#requests.filter(({ state }) => state === "waits");
    const stuck = waiting.filter((request) => !this.#comesToPass(request, /* @__PURE__ */ new Set()));
    const lost = this.#requests.filter(({ state, ghost }) => state === "holds" && ghost);
    if (stuck.length > 0) return { verdict: "stuck", because: this.#whyStuck(stuck, lost) };
    if (lost.length > 0) {
      const names = list(lost.map(({ client }) => client));
      return {
        verdict: "lost",
        because: `The lock belongs to ${names}, which has left. No client will ever release it.`
      };
    }
    const overtaken = waiting.filter((request) => request.overtaken > 0);
    if (overtaken.length > 0) return { verdict: "overtaken", because: overtaken.map(whyOvertaken).join(" ") };
    return { verdict: "fine", because: this.#whyFine(waiting.length) };
  }
  #whyStuck(stuck, lost) {
    const names = stuck.map(({ client }) => client);
    const wait = `${list(names)} ${names.length === 1 ? "waits" : "wait"} forever`;
    const [gone] = lost;
    if (gone) return `${wait}: the lock belongs to ${gone.client}, which has left.`;
    const holders = new Set(stuck.flatMap(({ keys }) => keys.flatMap((key) => this.#holders(key))));
    if (holders.size === 0) return `${wait}: no client holds the lock, so no client will ever hand it on.`;
    const each = names.length === 1 ? "itself" : "each other";
    if (!LOCKS[this.#schedule.lock].own) return `${wait}, for ${each}.`;
    return `${list(names)} ${names.length === 1 ? "waits" : "wait"} for ${each}. Only a cancellation can end that.`;
  }
  #whyFine(waiting) {
    const holders = this.#requests.filter(({ state }) => state === "holds").length;
    if (holders + waiting === 0)
      return this.#requests.length === 0 ? "No client has asked yet." : "The lock is free, and no client waits.";
    if (waiting === 0) return "No client waits.";
    return `${waiting === 1 ? "One waits and has" : `${waiting} wait and have`} a holder to wait for.`;
  }
  /** The clients that hold something together and should not. */
  #crowd() {
    const crowded = this.#keys().map((key) => this.#holders(key).filter(({ ghost }) => !ghost));
    return crowded.find((holders) => !this.#fit(holders))?.map(({ client }) => client) ?? [];
  }
  #fit(holders) {
    const { lock, size } = this.#schedule;
    if (lock === "semaphore") return holders.reduce((sum, { permits }) => sum + permits, 0) <= size;
    const read = holders.every(({ step }) => step.verb === "read");
    return holders.length <= 1 || (lock === "rw" || lock === "readers-first") && read;
  }
  /** Whether a request can still be served: each client that it waits for is able to go on, one behind the other. */
  #comesToPass(request, seen) {
    if (seen.has(request)) return false;
    const isAble = (other) => {
      if (other.ghost) return false;
      const waiting = this.#waitsFor(other.client);
      return waiting === void 0 || this.#comesToPass(waiting, /* @__PURE__ */ new Set([...seen, request]));
    };
    return request.keys.every((key) => {
      const holders = this.#holders(key);
      const line = this.#stage.line(key);
      const ahead = line.slice(0, Math.max(0, line.indexOf(request))).filter(({ ghost }) => !ghost);
      if (holders.length > 0) return holders.some(isAble);
      return request.keys.length > 1 && ahead.length === 0 ? true : ahead.length > 0 && ahead.every(isAble);
    });
  }
}
const itOrThem = ({ keys, permits }) => keys.length + permits > 2 ? "them" : "it";
const isHeldBy = ({ client, state, ghost }, name) => client === name && state === "holds" && !ghost;
const CANNOT = {
  ask: "waits already, and cannot ask for more.",
  work: "does not hold the lock, and does nothing.",
  release: "holds nothing that it could release.",
  again: "has not released anything yet.",
  abort: "does not wait, so there is nothing to cancel.",
  timeout: "does not wait, so no time runs out."
};
function wordFor(lock, { step, keys, permits }) {
  if (lock === "keyed") return keys.join(" + ");
  if (lock === "semaphore") return permits === 1 ? "1 permit" : `${permits} permits`;
  return step.verb === "acquire" ? "" : step.verb;
}
function forWhat(lock, request) {
  const word = wordFor(lock, request);
  if (lock === "keyed") return request.keys.length === 1 ? `for key ${word}` : `for keys ${word} together`;
  if (lock === "semaphore") return `for ${word}`;
  return word === "" ? "for the lock" : `to ${word}`;
}
function ofWhat(lock, request) {
  const word = wordFor(lock, request);
  return lock === "keyed" || lock === "semaphore" ? ` ${word}` : "";
}
function whyOvertaken({ client, overtaken }) {
  return `${client} still waits, and ${overtaken === 1 ? "one that came later was" : `${overtaken} that came later were`} let in before it.`;
}
function list(names) {
  const distinct = [...new Set(names)];
  return distinct.length < 2 ? distinct.join("") : `${distinct.slice(0, -1).join(", ")} and ${distinct.at(-1)}`;
}
const HEAD = 28;
const _sfc_main$2 = /* @__PURE__ */ defineComponent({
  __name: "Lanes",
  __ssrInlineRender: true,
  props: {
    moments: {},
    at: {},
    column: { default: 56 },
    row: { default: 56 }
  },
  setup(__props) {
    const props = __props;
    const COLUMN = computed(() => props.column);
    const ROW = computed(() => props.row);
    const BANDS = {
      waits: "waits",
      holds: "holds",
      works: "holds",
      "holds-and-waits": "both",
      "ghost-waits": "ghost-waits",
      "ghost-holds": "ghost-holds"
    };
    const steps = computed(() => props.moments.length - 1);
    const room = ref(0);
    const columns = computed(() => Math.max(Math.floor((room.value - 16) / COLUMN.value), steps.value));
    const names = computed(() => props.moments[0]?.clients.map(({ name }) => name) ?? []);
    const shown = computed(() => props.moments.slice(1, props.at + 1));
    const height = computed(() => HEAD + ROW.value * names.value.length + 6);
    const rowOf = (name) => names.value.indexOf(name);
    const middle = (name) => HEAD + ROW.value * rowOf(name) + 18;
    const bars = computed(
      () => names.value.flatMap((name, row) => {
        const found = [];
        shown.value.forEach((moment, i) => {
          const band = BANDS[moment.clients[row]?.phase ?? "idle"];
          const last = found.at(-1);
          if (band === void 0) return;
          if (last?.band === band && last.to === i) last.to = i + 1;
          else found.push({ key: `${name}${i}`, band, from: i, to: i + 1, y: middle(name) });
        });
        return found;
      })
    );
    const work = computed(
      () => shown.value.flatMap(
        (moment, i) => moment.clients.flatMap(
          ({ name, phase }) => phase === "works" ? [{ key: `${name}${i}`, x: (i + 0.5) * COLUMN.value, y: middle(name) }] : []
        )
      )
    );
    const labels = computed(
      () => shown.value.flatMap(
        ({ step }, i) => step === void 0 ? [] : [
          {
            key: i,
            x: (i + 0.5) * COLUMN.value,
            y: middle(step.client) + 23,
            text: shortStep(step),
            // The same step was told to two locks, and on this one the client could not take it.
            void: !props.moments[i]?.can.get(step.client)?.has(actOf(step.verb))
          }
        ]
      )
    );
    const handovers = computed(
      () => shown.value.flatMap(
        (moment, i) => moment.handovers.filter(({ from, to }) => from !== to).map(({ from, to, atOnce }) => {
          const down = rowOf(to) > rowOf(from);
          return {
            key: `${i}${to}`,
            x: i * COLUMN.value,
            from: middle(from),
            to: middle(to) + (down ? -11 : 11),
            down,
            atOnce
          };
        })
      )
    );
    const faults = computed(() => shown.value.flatMap(({ verdict }, i) => verdict === "fine" ? [] : [i]));
    const scroller = ref();
    let observer;
    onMounted(() => {
      observer = new ResizeObserver(() => {
        room.value = scroller.value?.clientWidth ?? 0;
      });
      if (scroller.value) observer.observe(scroller.value);
    });
    onBeforeUnmount(() => observer?.disconnect());
    watch(
      () => [props.at, steps.value, room.value, props.column],
      async () => {
        await nextTick();
        const box = scroller.value;
        if (!box) return;
        const x = props.at * COLUMN.value;
        if (x > box.scrollLeft + box.clientWidth - COLUMN.value || x < box.scrollLeft + COLUMN.value) {
          box.scrollLeft = x - box.clientWidth + 2 * COLUMN.value;
        }
      }
    );
    return (_ctx, _push, _parent, _attrs) => {
      _push(`<div${ssrRenderAttrs(mergeProps({
        ref_key: "scroller",
        ref: scroller,
        class: "scroller",
        tabindex: "0",
        role: "group",
        "aria-label": "Lanes, from left to right in time"
      }, _attrs))} data-v-5559faab><svg role="img"${ssrRenderAttr("aria-label", __props.moments[__props.at] ? unref(describe)(__props.moments[__props.at]) : "")}${ssrRenderAttr("width", columns.value * COLUMN.value + 12)}${ssrRenderAttr("height", height.value)}${ssrRenderAttr("viewBox", `0 0 ${columns.value * COLUMN.value + 12} ${height.value}`)} data-v-5559faab>`);
      if (__props.at > 0) {
        _push(`<rect class="now"${ssrRenderAttr("x", (__props.at - 1) * COLUMN.value)} y="0"${ssrRenderAttr("width", COLUMN.value)}${ssrRenderAttr("height", height.value)} rx="4" data-v-5559faab></rect>`);
      } else {
        _push(`<!---->`);
      }
      _push(`<!--[-->`);
      ssrRenderList(faults.value, (i) => {
        _push(`<rect class="fault"${ssrRenderAttr("x", i * COLUMN.value)}${ssrRenderAttr("y", HEAD - 4)}${ssrRenderAttr("width", COLUMN.value)} height="3" data-v-5559faab></rect>`);
      });
      _push(`<!--]--><g class="head" data-v-5559faab><!--[-->`);
      ssrRenderList(columns.value, (i) => {
        _push(`<text class="${ssrRenderClass({ later: i > __props.at })}"${ssrRenderAttr("x", (i - 0.5) * COLUMN.value)} y="16" data-v-5559faab>${ssrInterpolate(i <= steps.value ? i : "·")}</text>`);
      });
      _push(`<!--]--></g><!--[-->`);
      ssrRenderList(names.value, (name) => {
        _push(`<line class="rail" x1="0"${ssrRenderAttr("x2", columns.value * COLUMN.value)}${ssrRenderAttr("y1", middle(name))}${ssrRenderAttr("y2", middle(name))} data-v-5559faab></line>`);
      });
      _push(`<!--]--><!--[-->`);
      ssrRenderList(bars.value, (bar) => {
        _push(`<!--[-->`);
        if (bar.band !== "waits" && bar.band !== "ghost-waits") {
          _push(`<rect class="${ssrRenderClass(["bar", bar.band])}"${ssrRenderAttr("x", bar.from * COLUMN.value + 1)}${ssrRenderAttr("y", bar.y - 11)}${ssrRenderAttr("width", (bar.to - bar.from) * COLUMN.value - 2)} height="22" rx="5" data-v-5559faab></rect>`);
        } else {
          _push(`<!---->`);
        }
        if (bar.band !== "holds" && bar.band !== "ghost-holds") {
          _push(`<line class="${ssrRenderClass(["wait", bar.band])}"${ssrRenderAttr("x1", bar.from * COLUMN.value + 4)}${ssrRenderAttr("x2", bar.to * COLUMN.value - 4)}${ssrRenderAttr("y1", bar.y)}${ssrRenderAttr("y2", bar.y)} data-v-5559faab></line>`);
        } else {
          _push(`<!---->`);
        }
        _push(`<!--]-->`);
      });
      _push(`<!--]--><!--[-->`);
      ssrRenderList(work.value, (dot) => {
        _push(`<circle class="work"${ssrRenderAttr("cx", dot.x)}${ssrRenderAttr("cy", dot.y)} r="4" data-v-5559faab></circle>`);
      });
      _push(`<!--]--><!--[-->`);
      ssrRenderList(handovers.value, (hand) => {
        _push(`<g class="${ssrRenderClass(["hand", { later: !hand.atOnce }])}" data-v-5559faab><line${ssrRenderAttr("x1", hand.x)}${ssrRenderAttr("x2", hand.x)}${ssrRenderAttr("y1", hand.from)}${ssrRenderAttr("y2", hand.to)} data-v-5559faab></line><path${ssrRenderAttr("d", `M${hand.x - 5} ${hand.to + (hand.down ? -7 : 7)} L${hand.x} ${hand.to} L${hand.x + 5} ${hand.to + (hand.down ? -7 : 7)}`)} data-v-5559faab></path><circle${ssrRenderAttr("cx", hand.x)}${ssrRenderAttr("cy", hand.from)} r="3.5" data-v-5559faab></circle></g>`);
      });
      _push(`<!--]--><g class="labels" data-v-5559faab><!--[-->`);
      ssrRenderList(labels.value, (label) => {
        _push(`<text class="${ssrRenderClass({ small: __props.column < 50, void: label.void })}"${ssrRenderAttr("x", label.x)}${ssrRenderAttr("y", label.y)} data-v-5559faab>${ssrInterpolate(label.text)}</text>`);
      });
      _push(`<!--]--></g></svg></div>`);
    };
  }
});
const _sfc_setup$2 = _sfc_main$2.setup;
_sfc_main$2.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/theatre/Lanes.vue");
  return _sfc_setup$2 ? _sfc_setup$2(props, ctx) : void 0;
};
const Lanes2 = /* @__PURE__ */ _export_sfc(_sfc_main$2, [["__scopeId", "data-v-5559faab"]]);
const _sfc_main$1 = /* @__PURE__ */ defineComponent({
  __name: "Queue",
  __ssrInlineRender: true,
  props: {
    lines: {},
    dense: { type: Boolean }
  },
  setup(__props) {
    return (_ctx, _push, _parent, _attrs) => {
      _push(`<dl${ssrRenderAttrs(mergeProps({
        class: ["queue", { dense: __props.dense }]
      }, _attrs))} data-v-42d073c7><!--[-->`);
      ssrRenderList(__props.lines, (line) => {
        _push(`<!--[--><div data-v-42d073c7><dt data-v-42d073c7>${ssrInterpolate(line.key ? `Key ${line.key}` : "The lock")}</dt><dd data-v-42d073c7><!--[-->`);
        ssrRenderList(line.holders, (seat, i) => {
          _push(`<span class="${ssrRenderClass(["seat", seat.ghost ? "ghost" : "holds"])}" data-v-42d073c7>${ssrInterpolate(seat.client)}`);
          if (!line.key && seat.what) {
            _push(`<small data-v-42d073c7>${ssrInterpolate(seat.what)}</small>`);
          } else {
            _push(`<!---->`);
          }
          _push(`</span>`);
        });
        _push(`<!--]-->`);
        if (line.holders.length === 0) {
          _push(`<span class="${ssrRenderClass(["seat", line.kept ? "kept" : "free"])}" data-v-42d073c7>${ssrInterpolate(line.kept ? "taken, no holder" : "free")}</span>`);
        } else {
          _push(`<!---->`);
        }
        _push(`</dd></div><div data-v-42d073c7><dt data-v-42d073c7>Queue</dt><dd data-v-42d073c7><!--[-->`);
        ssrRenderList(line.queue, (seat, i) => {
          _push(`<!--[-->`);
          if (i > 0) {
            _push(`<span class="then" aria-hidden="true" data-v-42d073c7>‹</span>`);
          } else {
            _push(`<!---->`);
          }
          _push(`<span class="${ssrRenderClass(["seat", seat.ghost ? "ghost" : "waits"])}" data-v-42d073c7>${ssrInterpolate(seat.client)}`);
          if (seat.ghost) {
            _push(`<small data-v-42d073c7>gone</small>`);
          } else if (seat.what) {
            _push(`<small data-v-42d073c7>${ssrInterpolate(seat.what)}</small>`);
          } else {
            _push(`<!---->`);
          }
          _push(`</span><!--]-->`);
        });
        _push(`<!--]-->`);
        if (line.queue.length === 0) {
          _push(`<span class="seat empty" data-v-42d073c7>empty</span>`);
        } else {
          _push(`<!---->`);
        }
        _push(`</dd></div><!--]-->`);
      });
      _push(`<!--]--></dl>`);
    };
  }
});
const _sfc_setup$1 = _sfc_main$1.setup;
_sfc_main$1.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/theatre/Queue.vue");
  return _sfc_setup$1 ? _sfc_setup$1(props, ctx) : void 0;
};
const Queue2 = /* @__PURE__ */ _export_sfc(_sfc_main$1, [["__scopeId", "data-v-42d073c7"]]);
const QUEUE = "A.acquire, B.acquire, C.acquire, A.work, A.release";
const TURNS = "B.work, B.release, C.work, C.release";
const TWICE = "A.acquire, B.acquire, C.acquire, A.release, A.again, B.work";
const READERS = "A.read, B.write, C.read, A.release, A.read, C.release, C.read, A.release, A.read";
const LEAVE = "A.acquire, B.acquire, C.acquire, B.abort, A.release";
const EXPIRE = LEAVE.replace("abort", "timeout");
const STORIES = [
  {
    title: "Passing it on",
    pair: pair("pass", ["buggy", "mutex"], `${QUEUE}, ${TURNS}`, "stuck", {
      watch: "A holds the lock, B and C wait. Watch what the release of A does for B.",
      lesson: "The buggy release() calls B before it frees the lock, so B queues again. Mutex makes B the owner before release() returns."
    }),
    presets: [
      preset("hang", "Buggy mutex", "buggy", QUEUE, "stuck", {
        watch: "A holds the lock, B and C wait. Watch what the release of A does for B.",
        lesson: "The lock was never freed. B found it taken and queued again, behind C, and no client is left to act."
      }),
      preset("hand-off", "Mutex", "mutex", `${QUEUE}, ${TURNS}`, "fine", {
        watch: "The same steps. Watch who owns the lock when A has released it.",
        lesson: "Each release made the first in the queue the owner before it returned."
      })
    ]
  },
  {
    title: "Releasing twice",
    pair: pair("twice", ["repaired", "mutex"], `${TWICE}, C.work`, "crowd", {
      watch: "A calls its release() twice. Watch who holds the lock after the second call.",
      lesson: "The second call let C in beside B. On Mutex it did nothing: a lock can be released once, by its holder."
    }),
    presets: [
      preset("double-release", "Repaired mutex", "repaired", `${TWICE}, C.work`, "crowd", {
        watch: "A calls its release() twice. Watch who holds the lock after the second call.",
        lesson: "The second call let C in beside B: two clients work on the same thing."
      }),
      preset("one-shot", "Mutex", "mutex", `${TWICE}, B.release, C.work, C.release`, "fine", {
        watch: "A calls its release() twice. Watch what the second call does.",
        lesson: "The second release() did nothing. It can never free the lock of another client."
      })
    ]
  },
  {
    title: "Cancelling",
    pair: pair("cancel", ["repaired", "mutex"], `${LEAVE}, C.work, C.release`, "stuck", {
      watch: "B stops waiting. Watch who gets the lock when A releases it.",
      lesson: "A lock that is not told hands itself to B, which has left. On Mutex the waiter B left the queue at once."
    }),
    presets: [
      preset("ghost", "Repaired mutex", "repaired", LEAVE, "stuck", {
        watch: "B stops waiting. Watch who gets the lock when A releases it.",
        lesson: "The lock was not told. It was handed to B all the same, and C waits forever."
      }),
      preset(
        "leave",
        "Mutex",
        "mutex",
        "A.acquire, B.acquire, C.acquire, D.acquire, B.abort, D.timeout, A.release, C.work, C.release",
        "fine",
        {
          watch: "B cancels and D times out. Watch the queue.",
          lesson: "Both left the queue at once, and C was next.",
          clients: 4
        }
      )
    ]
  },
  {
    title: "Timing out",
    pair: pair("expire", ["chain", "mutex"], `${EXPIRE}, C.work, C.release`, "stuck", {
      watch: "B runs out of time while it waits. Watch C when A releases.",
      lesson: "In a promise chain B stays a link, and C waits for a release that never comes. On Mutex C was next."
    }),
    presets: [
      preset("ghost-in-chain", "Promise chain", "chain", EXPIRE, "stuck", {
        watch: "B runs out of time while it waits. Watch C when A releases.",
        lesson: "B stayed a link of the chain. Each client behind it waits for a release that never comes."
      })
    ]
  },
  {
    title: "A writer among readers",
    pair: pair(
      "writer",
      ["readers-first", "rw"],
      "A.read, B.write, C.read, A.release, B.work, B.release, A.read, C.release, C.read, A.release, A.read",
      "overtaken",
      {
        watch: "Readers come and go. Watch when B gets to write.",
        lesson: "With readers first, one reader was always inside. A waiting writer of ReadWriteLock stops the readers behind it."
      }
    ),
    presets: [
      preset("starve", "Readers first", "readers-first", READERS, "overtaken", {
        watch: "Readers come and go. Watch when B gets to write.",
        lesson: "One reader was always inside, so B never got its turn."
      }),
      preset(
        "fair",
        "ReadWriteLock",
        "rw",
        "A.read, B.write, C.read, D.read, A.release, B.work, B.release, C.work, D.work, C.release, D.release",
        "fine",
        {
          watch: "C and D want to read while B waits to write. Watch who goes first.",
          lesson: "A waiting writer stopped the readers behind it. When it was done, they went in together.",
          clients: 4
        }
      )
    ]
  },
  {
    title: "Several keys",
    presets: [
      preset("one-by-one", "One by one", "keyed", "A.acquire:a, B.acquire:b, A.acquire:b, B.acquire:a", "stuck", {
        watch: "A wants the keys a and b, B wants b and a. Each takes one after the other.",
        lesson: "A holds a and wants b, B holds b and wants a. No lock can help against that.",
        clients: 2
      }),
      preset(
        "together",
        "All at once",
        "keyed",
        "A.acquire:a+b, B.acquire:b+a, C.acquire:a, A.work, A.release, B.work, B.release, C.work, C.release",
        "fine",
        {
          watch: "Each asks for both keys in one call. Watch the two queues.",
          lesson: "They joined both queues in the same instant, so the order of the keys does not matter."
        }
      )
    ]
  },
  {
    title: "A large request leaves",
    presets: [
      preset(
        "heavy",
        "Semaphore",
        "semaphore",
        "A.acquire:1, B.acquire:2, C.acquire:1, B.abort, C.work, A.release, C.release",
        "fine",
        {
          watch: "B needs both permits, so C waits behind it. Watch C when B cancels.",
          lesson: "When B left, C fitted and went in at that very moment."
        }
      )
    ]
  }
];
const PRESETS = STORIES.flatMap(({ presets }) => presets);
const PAIRS = STORIES.flatMap(({ pair: pair2 }) => pair2 ?? []);
function preset(id, label, lock, steps, end2, { watch: watch2, lesson, clients = 3 }) {
  const schedule = { lock, size: 2, clients, steps: readSteps(steps.replaceAll(" ", "")) ?? [] };
  return { id, label, watch: watch2, lesson, schedule, end: end2 };
}
function pair(id, [lock, beside], steps, end2, text) {
  const alone = preset(id, "Side by side", lock, steps, end2, text);
  return { ...alone, schedule: { ...alone.schedule, beside } };
}
class Theatre {
  schedule = { lock: "mutex", size: 2, clients: 3, steps: [] };
  moments = [];
  /** What the same steps lead to on the lock beside it. */
  besideMoments = [];
  /** How many of the steps are done. */
  at = 0;
  playing = false;
  /** Whose turn it is to be told what to do. */
  client = "A";
  past = [];
  change = 0;
  get moment() {
    return this.moments[this.at];
  }
  /** What stands on the stage, from left to right. */
  get sides() {
    const { lock, beside } = this.schedule;
    const sides = [{ lock, moments: this.moments }];
    return beside === void 0 ? sides : [...sides, { lock: beside, moments: this.besideMoments }];
  }
  get atEnd() {
    return this.at >= this.schedule.steps.length;
  }
  /** The story whose schedule this is. */
  get preset() {
    const text = writeSchedule(this.schedule);
    return [...PAIRS, ...PRESETS].find(({ schedule }) => writeSchedule(schedule) === text);
  }
  get story() {
    const { preset: preset2 } = this;
    return STORIES.find(({ pair: pair2, presets }) => preset2 && (pair2 === preset2 || presets.includes(preset2)));
  }
  /** What stands behind the `#` of the address. */
  get address() {
    return writeSchedule(this.schedule, this.at);
  }
  get log() {
    return this.logOf(this.moments);
  }
  logOf(moments) {
    return moments.slice(1, this.at + 1).map(({ told, verdict, because }, i) => {
      const isNews = verdict !== "fine" && because !== moments[i]?.because;
      return { step: i + 1, sentences: isNews ? [...told, because] : told, fault: isNews };
    });
  }
  /** Shows the schedule of an address; `false` if it holds none. */
  async open(address) {
    const found = readSchedule(address);
    if (found) await this.show(found.schedule, found.at);
    return found !== void 0;
  }
  /** Starts a story from its beginning. */
  async load({ schedule }) {
    await this.edit(schedule, 0);
  }
  can(act) {
    if (act === "ask" && this.at >= MOST_STEPS) return false;
    return this.sides.some(({ moments }) => moments[this.at]?.can.get(this.client)?.has(act));
  }
  /** Adds a step after the moment that is shown. What came later in the schedule is gone, until it is undone. */
  async act(verb, what) {
    const step = { client: this.client, verb, ...what !== void 0 && { what } };
    const steps = [...this.schedule.steps.slice(0, this.at), step];
    if (steps.length > MOST_STEPS || !isStepOf(this.schedule, step)) return;
    await this.edit({ ...this.schedule, steps }, steps.length);
  }
  /** Another lock, another size, other clients: the steps that are still possible stay. */
  async set(changes) {
    const next = { ...this.schedule, ...changes };
    if (!namesOf(MOST_CLIENTS).slice(0, next.clients).includes(this.client)) this.client = "A";
    const steps = next.steps.map((step) => translate(step, this.schedule, next)).filter((step) => isStepOf(next, step));
    await this.edit({ ...withBeside(next, next.beside), steps }, Math.min(this.at, steps.length));
  }
  /** Puts another lock beside the first, or none. */
  async compare(beside) {
    await this.edit(withBeside(this.schedule, beside), this.at);
  }
  async clear() {
    await this.edit({ ...this.schedule, steps: [] }, 0);
  }
  async undo() {
    const last = this.past.at(-1);
    if (last === void 0) return;
    this.past = this.past.slice(0, -1);
    await this.show(last.schedule, last.at);
  }
  /** Looks at another moment. */
  go(at) {
    this.at = Math.max(0, Math.min(at, this.schedule.steps.length));
    if (this.atEnd) this.playing = false;
  }
  togglePlaying() {
    if (!this.playing && this.atEnd) this.at = 0;
    this.playing = !this.playing && this.schedule.steps.length > 0;
  }
  async edit(schedule, at) {
    this.past = [...this.past, { schedule: this.schedule, at: this.at }].slice(-100);
    await this.show(schedule, at);
  }
  /** The run takes a moment, and a quick visitor may have gone on meanwhile: the last change is the one that is shown. */
  async show(schedule, at) {
    this.playing = false;
    const change = ++this.change;
    const { beside } = schedule;
    const moments = await play(schedule);
    const besideMoments = beside === void 0 ? [] : await play({ ...schedule, lock: beside });
    if (change !== this.change) return;
    this.schedule = schedule;
    this.moments = moments;
    this.besideMoments = besideMoments;
    this.at = at;
    if (!namesOf(schedule.clients).includes(this.client)) this.client = "A";
  }
}
function withBeside({ beside: _, ...schedule }, beside) {
  return beside !== void 0 && comparable(schedule.lock).includes(beside) ? { ...schedule, beside } : schedule;
}
function translate({ client, verb, what }, from, to) {
  if (verb !== "acquire" && verb !== "read" && verb !== "write") return { client, verb };
  const isRead = verb === "read";
  if (to.lock === "rw" || to.lock === "readers-first") return { client, verb: isRead ? "read" : "write" };
  if (to.lock === "keyed") return { client, verb: "acquire", what: from.lock === "keyed" ? what ?? "a" : "a" };
  if (to.lock === "semaphore") return { client, verb: "acquire", what: from.lock === "semaphore" ? what ?? "1" : "1" };
  return { client, verb: "acquire" };
}
const HEADINGS = {
  fine: "All is well",
  overtaken: "Overtaken",
  lost: "Lost",
  stuck: "Stuck",
  crowd: "Too many at once"
};
const _sfc_main = /* @__PURE__ */ defineComponent({
  __name: "Side",
  __ssrInlineRender: true,
  props: /* @__PURE__ */ mergeModels({
    side: {},
    at: {},
    dense: { type: Boolean },
    narrow: { type: Boolean },
    chooses: { type: Boolean }
  }, {
    "client": {},
    "clientModifiers": {}
  }),
  emits: ["update:client"],
  setup(__props) {
    const props = __props;
    const client = useModel(__props, "client");
    const moment = computed(() => props.side.moments[props.at]);
    const verdict = computed(() => moment.value?.verdict ?? "fine");
    const over = computed(() => props.at > 0 && props.at === props.side.moments.length - 1);
    const mark = computed(() => verdict.value !== "fine" ? "✗" : over.value ? "✓" : "");
    const size = computed(
      () => props.narrow ? { column: props.dense ? 38 : 46, row: props.dense ? 38 : 44 } : props.dense ? { column: 42, row: 44 } : { column: 56, row: 50 }
    );
    return (_ctx, _push, _parent, _attrs) => {
      if (moment.value) {
        _push(`<section${ssrRenderAttrs(mergeProps({
          class: ["side", { dense: __props.dense }],
          "aria-label": unref(LOCKS)[__props.side.lock].title,
          "data-side-verdict": verdict.value
        }, _attrs))}>`);
        if (__props.dense) {
          _push(`<h2 class="title"><span class="${ssrRenderClass(["mark", verdict.value])}" aria-hidden="true">${ssrInterpolate(mark.value)}</span>${ssrInterpolate(unref(LOCKS)[__props.side.lock].title)} <small>${ssrInterpolate(unref(LOCKS)[__props.side.lock].own ? "latchkey" : "by hand")}</small></h2>`);
        } else {
          _push(`<!---->`);
        }
        _push(ssrRenderComponent(Queue2, {
          lines: moment.value.lines,
          dense: __props.dense
        }, null, _parent));
        _push(`<div class="lanes" style="${ssrRenderStyle({ "--row": `${size.value.row}px` })}">`);
        if (__props.chooses) {
          _push(`<fieldset class="names"><legend>Client</legend><!--[-->`);
          ssrRenderList(moment.value.clients, (seen) => {
            _push(`<label class="${ssrRenderClass(["name", { chosen: client.value === seen.name }])}"><input${ssrIncludeBooleanAttr(ssrLooseEqual(client.value, seen.name)) ? " checked" : ""} type="radio" name="client"${ssrRenderAttr("value", seen.name)}><span class="letter">${ssrInterpolate(seen.name)}</span><span class="standing long">${ssrInterpolate(unref(standing)(seen))}</span><span class="standing short">${ssrInterpolate(unref(standingInShort)(seen))}</span></label>`);
          });
          _push(`<!--]--></fieldset>`);
        } else {
          _push(`<div class="names" aria-hidden="true"><div class="legend-space"></div><!--[-->`);
          ssrRenderList(moment.value.clients, (seen) => {
            _push(`<div class="name"><span class="letter">${ssrInterpolate(seen.name)}</span><span class="standing short">${ssrInterpolate(unref(standingInShort)(seen))}</span></div>`);
          });
          _push(`<!--]--></div>`);
        }
        _push(ssrRenderComponent(Lanes2, {
          moments: __props.side.moments,
          at: __props.at,
          column: size.value.column,
          row: size.value.row
        }, null, _parent));
        _push(`</div><div class="${ssrRenderClass(["verdict", verdict.value])}"><strong>${ssrInterpolate(__props.at === 0 ? "Not started" : unref(HEADINGS)[verdict.value])}</strong><span>${ssrInterpolate(moment.value.because)}</span></div></section>`);
      } else {
        _push(`<!---->`);
      }
    };
  }
});
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/theatre/Side.vue");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
export {
  LOCKS as L,
  MOST_PERMITS as M,
  PAIRS as P,
  STORIES as S,
  Theatre as T,
  _sfc_main as _,
  waysToAsk as a,
  MOST_CLIENTS as b,
  comparable as c,
  writeSchedule as w
};
