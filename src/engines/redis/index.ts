export type {
  IoredisClient,
  IoredisSubscriber,
  NodeRedisClient,
  NodeRedisSubscriber,
  RedisClient,
  RedisSubscriber
} from './client.js'
export { RedisLock, type RedisLockOptions } from './redis-lock.js'
