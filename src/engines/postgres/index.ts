export type { PostgresClient } from './connection.js'
export { PostgresLock, type PostgresLockOptions } from './postgres-lock.js'
export { lockInTransaction, type TransactionClient, type TransactionLockOptions } from './transaction.js'
