// How stable each entry point is, for docs/stability.md and the API reference.

/**
 * What an experimental entry point waits for. One that is not named here is stable.
 *
 * @type {Record<string, string>}
 */
export const EXPERIMENTAL = {
  'latchkey/distributed': 'an engine that was written outside this repository',
  'latchkey/postgres': 'two programs that have had it in production for three months, one of them behind a pooler',
  'latchkey/redis': 'two programs that have had it in production for three months, one of them through a failover',
  'latchkey/local': 'reports from macOS and Windows beyond the tests that run there',
  'latchkey/web': 'its tests in Firefox and Safari; they run in Chromium',
  'latchkey/threads': 'programs with threads in production, and `Atomics.waitAsync` in every browser',
  'latchkey/compat/async-mutex': 'ten programs that have moved by changing the import',
  'latchkey/monitor': 'a name of OpenTelemetry for what locks measure, if there comes to be one',
  'latchkey/context': 'reports from programs with thousands of locks, and `AsyncContext` in the language',
  'latchkey/testing': 'locks of many more makes; its verdicts may become stricter',
  'latchkey/adapters/hub': 'hubs of other makes in production; copy from it what you need to keep as it is',
  'latchkey/adapters/session-manager': 'stores other than those of the recipes in production'
}

/** The command line, which is no entry point. */
export const COMMAND_LINE = 'the same as `latchkey/testing`, which it runs'

/**
 * The rows of the table in docs/stability.md.
 *
 * @param {readonly string[]} names of the entry points
 */
export function stabilityRows(names) {
  return [
    ...names.map(
      name => `| \`${name}\` | ${EXPERIMENTAL[name] ? 'experimental' : 'stable'} | ${EXPERIMENTAL[name] ?? '–'} |`
    ),
    `| \`npx latchkey\` | experimental | ${COMMAND_LINE} |`
  ]
}

/**
 * What the first page of an entry point in the API reference opens with.
 *
 * @param {string} name
 */
export function stabilityNote(name) {
  const waitsFor = EXPERIMENTAL[name]
  const guide = '[Stability and versions](/stability.md)'
  return waitsFor === undefined
    ? `**Stable.** See ${guide}.`
    : `**Experimental**: it may change in a minor version. It waits for ${waitsFor}. See ${guide}.`
}
