// What is sent to the server.

/** A statement that is prepared under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

export const TRY: Statement = {
  name: 'latchkey-try',
  // The order is what makes the number a fencing token: it is drawn when the lock is ours, so after every earlier holder's.
  text: 'select case when pg_try_advisory_lock($1) then pg_current_xact_id()::text end as token'
}
export const BLOCK: Statement = {
  name: 'latchkey-block',
  text: "select case when pg_advisory_lock($1)::text = '' then pg_current_xact_id()::text end as token"
}
export const UNLOCK: Statement = { name: 'latchkey-unlock', text: 'select pg_advisory_unlock($1) as unlocked' }
/**
 * Keys are given up together, but tried one by one: a statement has one transaction number, so a key that was taken late
 * in it could have a smaller token than a holder in between.
 */
export const UNLOCK_MANY: Statement = {
  name: 'latchkey-unlock-many',
  text: `select n::int, pg_advisory_unlock(id) as unlocked
    from unnest($1::bigint[]) with ordinality as held(id, n)`
}
export const CANCEL: Statement = { name: 'latchkey-cancel', text: 'select pg_cancel_backend($1)' }
export const UNLOCK_ALL: Statement = { name: 'latchkey-unlock-all', text: 'select pg_advisory_unlock_all()' }
export const HEARTBEAT: Statement = { name: 'latchkey-heartbeat', text: 'select 1' }

export const SESSION_INFO = {
  text: `select pg_backend_pid() as pid, pg_is_in_recovery() as replica,
    current_setting('application_name') as application`
}
/** What the user's own settings must not do to a session that waits and holds. Old servers lack some of these. */
export const NO_TIMEOUTS = {
  text: `select set_config(name, '0', false) from pg_settings
    where name in ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'transaction_timeout')`
}
/** So that the server notices a client that died while it waited, and gives up its place. Some platforms cannot. */
export const NOTICE_DEAD_CLIENTS = { text: "set client_connection_check_interval = '1s'" }
