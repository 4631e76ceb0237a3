import { sha256Start } from './sha256.js'

/** What PostgreSQL calls a key: the same for a `PostgresLock` and for `lockInTransaction`. No name has a NUL. */
export const keyIdOf = (namespace: string, key: string): bigint => sha256Start(`${namespace}\0${key}`)
