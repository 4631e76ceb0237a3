// What is sent to the server.
//
// A holder has two advisory locks: the one of its key, and beside it a shared one without waiters, its mark. The
// server keeps no moment of a grant; the number of the mark is that of the key with the moment folded in (`#`, exclusive
// or), so a reader that knows the key reads the moment, and with it the token, from `pg_locks`. Marks are of the kind with two
// numbers, so they never meet a key. A hold and its mark end together, at the latest with the session.

import type { LockMode } from '../contract.js'

/** A statement that is prepared under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** Microseconds since 1970. */
const NOW = '(extract(epoch from clock_timestamp()) * 1000000)::bigint'

/** A mark, as the two numbers that the server wants. */
const mark = (number: string): string => `(${number} >> 32)::int4, ((${number} << 32) >> 32)::int4`

/** Leaves the mark of a holder of `id`; nothing while `at` is null. */
const leaveMark = (id: string): string => `pg_try_advisory_lock_shared(${mark(`(${id} # at)`)}) as marked`

const suffixOf = (mode: LockMode): string => (mode === 'shared' ? '_shared' : '')
const nameOf = (name: string, mode: LockMode): string => (mode === 'shared' ? `${name}-shared` : name)

// What is compared in this process is text: users may have told their client to read other types in other ways.

/**
 * How keys are taken. Each row of an answer has `at`, the moment of the grant in µs, or null; and `token`, where it is
 * drawn from a sequence, or `slot`, which permit of the key it is.
 */
export interface LockStatements {
  /** Takes a key if it is free. */
  readonly try: Readonly<Record<LockMode, Statement>>
  /** Waits for a key. */
  readonly block: Readonly<Record<LockMode, Statement>>
  /** `try` for a list of keys, each on its own: a row for each, with its number in the list. */
  readonly tryEach: Statement
  /** All of a list of keys or none: the rows of those that were taken, or a row without `at`. */
  readonly tryAll: Readonly<Record<LockMode, Statement>>
  /** What they are given at the end. */
  readonly values: readonly string[]
  /** Where several hold one key: how permits are taken. Then nothing above is used. */
  readonly permits: PermitStatements | undefined
}

/**
 * The fencing token is the moment of the grant, drawn in the statement that takes the lock and after the grant: later than
 * every earlier holder's.
 *
 * The number of the transaction would not do: that of a transaction which only locks is not flushed, so a server that
 * crashes draws it again (in 39 of 40 crashes the next token was not greater). Nothing is written for this one, and it goes
 * on where it was as long as the clock does. A sequence costs 1 % more, and shrinks only if a replica that lags is promoted.
 */
export function lockStatements(sequence: string | undefined, capacity: number): LockStatements {
  const suffix = sequence === undefined ? '' : '-sequence'
  const token = (parameter: number) =>
    sequence === undefined ? '' : `, case when at is not null then nextval($${parameter}::regclass) end::text as token`
  const single = (name: string, isGranted: (suffix: string) => string) => {
    const of = (mode: LockMode) => ({
      name: `latchkey-${nameOf(name, mode)}${suffix}`,
      text: `select at::text, ${leaveMark('$1')}${token(2)}
        from (select case when ${isGranted(suffixOf(mode))} then ${NOW} end as at offset 0) as granted`
    })
    return { exclusive: of('exclusive'), shared: of('shared') }
  }
  const all = (mode: LockMode) => ({
    name: `latchkey-${nameOf('try-all', mode)}${suffix}`,
    text: `with recursive taken(n, ok) as (
          select 0, true
        union all
          select n + 1, pg_try_advisory_lock${suffixOf(mode)}(($1::bigint[])[n + 1])
          from taken where ok and n < cardinality($1::bigint[])
      ), outcome as materialized (select bool_and(ok) as ok from taken)
      select at::text, ${leaveMark('id')}${token(2)}, case when at is null then pg_advisory_unlock${suffixOf(mode)}(id) end
      from (
        select n, id, case when ok then ${NOW} end as at
        from (select n, ($1::bigint[])[n] as id from taken where n > 0 and ok) as taken, outcome
        offset 0
      ) as granted order by n`
  })
  return {
    try: single('try', suffix => `pg_try_advisory_lock${suffix}($1)`),
    block: single('block', suffix => `pg_advisory_lock${suffix}($1)::text = ''`),
    tryEach: {
      name: `latchkey-try-each${suffix}`,
      text: `select n::text, at::text, ${leaveMark('id')}${token(3)} from (
          select n, id, case when
            case when shared then pg_try_advisory_lock_shared(id) else pg_try_advisory_lock(id) end
          then ${NOW} end as at
          from unnest($1::bigint[], $2::boolean[]) with ordinality as wanted(id, shared, n) offset 0
        ) as granted`
    },
    tryAll: { exclusive: all('exclusive'), shared: all('shared') },
    values: sequence === undefined ? [] : [sequence],
    permits: capacity === 1 ? undefined : permitStatements(capacity)
  }
}

/** The lock on which waiters for a permit of a key stand in line, with the key folded in. */
export const GATE = 0x6c61_7463_686b_6579n
/** As many permits are looked for when holders are shown. The first has the number of the key, as a single holder has. */
export const MOST_PERMITS = 65_536

/**
 * How permits are taken: locks on one of as many numbers as there are permits. Waiters queue for the gate of the
 * key; the first of them has it, and alone looks for a permit. One that comes and finds no waiter passes the gate for as
 * long as its statement takes, with others like it.
 *
 * They are given keys, a number of the slot to begin with, and the locks that the session has already: it would be given
 * those again.
 */
export interface PermitStatements {
  readonly capacity: number
  /** For a list of keys, each on its own: takes a permit if there is one and no caller waits. */
  readonly try: Statement
  /** Waits for the gate of one key, and looks. Keeps the gate if there is no permit. */
  readonly block: Statement
  /** Looks again, with the gate. */
  readonly look: Statement
  /** Whether a permit beyond the capacity is held: then another process has a greater one. */
  readonly beyond: Statement
}

function permitStatements(capacity: number): PermitStatements {
  const most = `${capacity}`
  const statement = (name: string, gate: string, pass: string) => ({
    name: `latchkey-permit-${name}-${most}`,
    // What has an effect stands in `case`, or the planner might do it in another order. It is done row by row.
    text: `select n::text, slot::text, at::text, ${leaveMark('(id # slot)')}, case when ${pass} then ${gate} end
      from unnest($1::bigint[]) with ordinality as wanted(id, n)
      cross join lateral (select ${GATES[name as keyof typeof GATES]} as open offset 0) as gate
      left join lateral (
        select slot, ${NOW} as at
        from (select (i + $2::int8) % ${most} as slot from generate_series(0, ${most} - 1) as i) as slots
        where open and case when (id # slot) <> all($3::bigint[]) then pg_try_advisory_lock(id # slot) end
        limit 1
      ) as free on true`
  })
  return {
    capacity,
    try: statement('try', `pg_advisory_unlock_shared(id # ${GATE})`, 'open'),
    block: statement('block', `pg_advisory_unlock(id # ${GATE})`, 'at is not null'),
    look: statement('look', `pg_advisory_unlock(id # ${GATE})`, 'at is not null'),
    beyond: {
      name: `latchkey-permit-beyond-${most}`,
      text: `select count(*)::text as beyond from ${HELD} as held
        where objsubid = 1 and (number # $1::bigint) between ${capacity} and ${MOST_PERMITS - 1}`
    }
  }
}

const GATES = {
  try: `pg_try_advisory_lock_shared(id # ${GATE})`,
  block: `pg_advisory_lock(id # ${GATE})::text = ''`,
  look: 'true'
}

/** What is held in this database, its number as a `PostgresLock` knows it. */
const HELD = `(
  select pid, mode, objsubid, (classid::bigint << 32) | objid::bigint as number from pg_locks
  where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
)`

/** Who holds a key, or permits of it. The moment of a holder without a mark is that of its transaction, or now. */
export const INSPECT: Statement = {
  name: 'latchkey-inspect',
  text: `with held as materialized (select * from ${HELD} as held)
    select held.pid::text, held.mode, application_name, mark.at::text,
      (extract(epoch from coalesce(xact_start, clock_timestamp())) * 1000000)::bigint::text as began
    from held
    left join pg_stat_activity as activity on activity.pid = held.pid
    left join lateral (
      select mark.number # held.number as at from held as mark
      where mark.pid = held.pid and mark.objsubid = 2
        and (mark.number # held.number) between
          (extract(epoch from coalesce(backend_start, '2020-01-01')) * 1000000)::bigint
          and ${NOW}
      order by 1 limit 1
    ) as mark on true
    where held.objsubid = 1 and (held.number # $1::bigint) between 0 and ${MOST_PERMITS - 1}`
}

const unlock = (mode: LockMode): Statement => ({
  name: nameOf('latchkey-unlock', mode),
  text: `select pg_advisory_unlock${suffixOf(mode)}($1)::text as unlocked, pg_advisory_unlock_shared(${mark('$2::bigint')})`
})
export const UNLOCK: Readonly<Record<LockMode, Statement>> = {
  exclusive: unlock('exclusive'),
  shared: unlock('shared')
}
/** Keys that are given up in one instant are given up in one statement. */
export const UNLOCK_MANY: Statement = {
  name: 'latchkey-unlock-many',
  text: `select n::text,
      case when shared then pg_advisory_unlock_shared(id) else pg_advisory_unlock(id) end::text as unlocked,
      pg_advisory_unlock_shared(${mark('mark')})
    from unnest($1::bigint[], $2::boolean[], $3::bigint[]) with ordinality as held(id, shared, mark, n)`
}
export const CANCEL: Statement = { name: 'latchkey-cancel', text: 'select pg_cancel_backend($1)' }
/** Gives up all that this session has, but these locks and marks: what statements took that failed. */
export const UNLOCK_STRAYS: Statement = {
  name: 'latchkey-unlock-strays',
  text: `select case
      when objsubid = 2 then pg_advisory_unlock_shared(${mark('number')})
      when mode = 'ShareLock' then pg_advisory_unlock_shared(number)
      else pg_advisory_unlock(number) end
    from (select * from ${HELD} as held where pid = pg_backend_pid() offset 0) as held
    where case when objsubid = 2 then number <> all($2::bigint[]) else number <> all($1::bigint[]) end`
}
export const UNLOCK_ALL: Statement = { name: 'latchkey-unlock-all', text: 'select pg_advisory_unlock_all()' }
export const HEARTBEAT: Statement = { name: 'latchkey-heartbeat', text: 'select 1' }

export const SESSION_INFO = {
  text: `select pg_backend_pid()::text as pid, pg_is_in_recovery()::text as replica,
    current_setting('application_name') as application`
}
/** What the user's own settings must not do to a session that waits and holds. Old servers lack some of these. */
export const NO_TIMEOUTS = {
  text: `select set_config(name, '0', false) from pg_settings
    where name in ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'transaction_timeout')`
}
/** So that other processes see the name of the owner. */
export const SET_APPLICATION = { text: "select set_config('application_name', $1, false)" }
/** So that the server notices a client that died while it waited, and gives up its place. Some platforms cannot. */
export const NOTICE_DEAD_CLIENTS = { text: "set client_connection_check_interval = '1s'" }
