import { startRedis } from '/tmp/hE/bench/engines.js'
import { contenders } from '/tmp/hE/bench/distributed-peers.js'
const r = await startRedis()
import { Redis } from '/tmp/hE/node_modules/ioredis/built/index.js'
const admin = new Redis(r.config)
for (const name of ['raw script','latchkey','raw script','latchkey','@verrou/core']) {
  const c = await contenders.redis[name](r.config)
  for (let i=0;i<3000;i++) await (await c.acquire('key '+i%10))()
  await admin.config('RESETSTAT')
  const cpu = process.cpuUsage(), t=performance.now()
  const N=5000
  for (let i=0;i<N;i++) await (await c.acquire('key '+i%10))()
  const u = process.cpuUsage(cpu)
  console.log(name, ((performance.now()-t)/N*1000).toFixed(1),'us/op; client cpu', ((u.user+u.system)/N).toFixed(1), (await admin.info('commandstats')).match(/evalsha:.*|eval:.*/g))
  await c.close()
}
await r.stop(); process.exit()
