// What is sent to the server.

/** A statement that is prepared under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/**
 * The fencing token, drawn in the statement that takes the lock and after the grant: later than every earlier holder's.
 *
 * Microseconds since 1970. The number of the transaction would not do: that of a transaction which only locks is not
 * flushed, so a server that crashes draws it again (in 39 of 40 crashes the next token was not greater). Nothing is
 * written for this one, and it goes on where it was as long as the clock does. A sequence costs 1 % more, and shrinks only
 * if a replica that lags is promoted.
 */
const tokenOf = (sequence: string | undefined): string =>
  sequence === undefined ? '(extract(epoch from clock_timestamp()) * 1000000)::bigint' : 'nextval($2::regclass)'

// What is compared in this process is text: users may have told their client to read other types in other ways.

/** How a key is taken: `try` if it is free, `block` whenever it is. Both return a token. */
export interface LockStatements {
  readonly try: Statement
  readonly block: Statement
  /** `try` for a list of keys, each on its own: a row for each, with its number in the list. */
  readonly tryMany: Statement
  /** What they are given beside the key. */
  readonly values: readonly string[]
}

export function lockStatements(sequence: string | undefined): LockStatements {
  const token = `${tokenOf(sequence)}::text`
  const suffix = sequence === undefined ? '' : '-sequence'
  return {
    try: {
      name: `latchkey-try${suffix}`,
      text: `select case when pg_try_advisory_lock($1) then ${token} end as token`
    },
    block: {
      name: `latchkey-block${suffix}`,
      text: `select case when pg_advisory_lock($1)::text = '' then ${token} end as token`
    },
    tryMany: {
      name: `latchkey-try-many${suffix}`,
      text: `select n::text, case when pg_try_advisory_lock(id) then ${token} end as token
        from unnest($1::bigint[]) with ordinality as wanted(id, n)`
    },
    values: sequence === undefined ? [] : [sequence]
  }
}

export const UNLOCK: Statement = { name: 'latchkey-unlock', text: 'select pg_advisory_unlock($1)::text as unlocked' }
/** Keys that are given up in one instant are given up in one statement. */
export const UNLOCK_MANY: Statement = {
  name: 'latchkey-unlock-many',
  text: `select n::text, pg_advisory_unlock(id)::text as unlocked
    from unnest($1::bigint[]) with ordinality as held(id, n)`
}
export const CANCEL: Statement = { name: 'latchkey-cancel', text: 'select pg_cancel_backend($1)' }
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
/** So that the server notices a client that died while it waited, and gives up its place. Some platforms cannot. */
export const NOTICE_DEAD_CLIENTS = { text: "set client_connection_check_interval = '1s'" }
