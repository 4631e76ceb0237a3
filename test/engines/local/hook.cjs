// Loaded before the program: kills the process at one of the calls by which it takes a key or gives it back. Told by
// `globalThis.dieAt = { step, after }`: which call from then on, and whether before or after it.

const fs = require('node:fs')
const net = require('node:net')
const { syncBuiltinESMExports } = require('node:module')

let step = 0
globalThis.dieAt = undefined
globalThis.steps = []

const die = () => {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

function hook(object, name) {
  const original = object[name]
  object[name] = function (...parameters) {
    const plan = globalThis.dieAt
    // Other files, such as the standard output, are none of its business.
    const isOurs =
      name === 'listen' || name === 'close' || name === 'connect' || String(parameters[0]).includes('latchkey')
    if (plan === undefined || !isOurs) return original.apply(this, parameters)
    step++
    globalThis.steps.push(name)
    if (step === plan.step && !plan.after) die()
    const result = original.apply(this, parameters)
    if (step === plan.step && plan.after) die()
    return result
  }
}

for (const name of ['chmodSync', 'renameSync', 'readdirSync', 'lstatSync', 'unlinkSync', 'rmdirSync', 'mkdirSync'])
  hook(fs, name)
hook(net.Server.prototype, 'listen')
hook(net.Server.prototype, 'close')
hook(net.Socket.prototype, 'connect')
syncBuiltinESMExports()
