/// <reference types="node" />
// The forms in which results are written: for people, for programs, and for the services that read them.

import { relative, sep } from 'node:path'
import type { Verdict } from '../testing/index.js'
import type { Drawing } from './draw.js'
import type { Result } from './judgement.js'
import { resultLines } from './report.js'
import type { CheckCommand } from './usage.js'

/** Of the JSON that is printed. It changes when a program that reads it would have to. */
const SCHEMA = 1

export interface Reporter {
  /** Is told of each result as it comes. */
  each?(result: Result): void
  /** Is told of all of them in the end. */
  end?(results: readonly Result[]): void
}

interface Output {
  readonly drawing: Drawing
  write(text: string): void
  warn(text: string): void
}

type Env = Readonly<Record<string, string | undefined>>

export function reporterFor(
  { reporter, quiet, targets }: CheckCommand,
  { GITHUB_ACTIONS }: Env,
  output: Output
): Reporter {
  switch (reporter) {
    case 'json':
      return { end: results => output.write(`${JSON.stringify(asJson(results, targets.length), undefined, 2)}\n`) }
    case 'junit':
      return { end: results => output.write(asJunit(results)) }
    case 'sarif':
      return { end: results => output.write(`${JSON.stringify(asSarif(results), undefined, 2)}\n`) }
    case 'github':
      return { each: result => output.write(annotations(result)) }
    default:
      return pretty(quiet, reporter === undefined && GITHUB_ACTIONS === 'true', output)
  }
}

function pretty(quiet: boolean, annotates: boolean, { drawing, write, warn }: Output): Reporter {
  let count = 0
  return {
    each: result => {
      const { error, judgement } = result
      if (error !== undefined) {
        const { red = (text: string) => text } = drawing.paint ?? {}
        warn(`${red('latchkey:')} ${error}\n`)
      } else if (!quiet || judgement.code !== 0) {
        const lines = resultLines(result, drawing)
        write(`${count++ > 0 ? '\n' : ''}${lines.join('\n')}\n`)
      }
      if (annotates) write(annotations(result))
    },
    end: results => {
      if (results.length < 2) return
      const of = (code: number) => results.filter(({ judgement }) => judgement.code === code).length
      const parts = [`${of(0)} of ${results.length} locks hold`, `${of(1)} broken`, `${of(2)} unsure or not run`]
      if (!quiet || of(0) < results.length) write(`\n${parts.join(', ')}.\n`)
    }
  }
}

/** One object for one lock, and a list of these for several. */
function asJson(results: readonly Result[], targets: number): object {
  const all = results.map(({ name, examined, error, judgement }) => ({
    file: name,
    exitCode: judgement.code,
    ...(error === undefined ? {} : { error }),
    ...(examined
      ? {
          how: examined.how,
          ...(examined.stopped === undefined ? {} : { stopped: examined.stopped }),
          ...examined.report,
          shape: examined.shape
        }
      : {})
  }))
  return all.length === 1 && targets <= 1 ? { schema: SCHEMA, ...all[0] } : { schema: SCHEMA, results: all }
}

interface Finding {
  readonly level: 'error' | 'warning' | 'note'
  readonly rule: string
  readonly text: string
  readonly file: string | undefined
  readonly line: number
}

/** What there is to be said of a result, a place each. */
function findingsOf({ name, file, examined, error, judgement }: Result): Finding[] {
  const where = (at: string | undefined) =>
    at === undefined ? undefined : relative(process.cwd(), at).split(sep).join('/') || name
  if (error !== undefined)
    return [{ level: 'warning', rule: 'not-run', text: `${name}: ${error}`, file: where(file), line: 1 }]
  const of = (level: Finding['level']) => (verdict: Verdict) => ({
    level,
    rule: verdict.guarantee,
    text: `${verdict.guarantee} ${verdict.name}: ${verdict.why ?? ''}${verdict.cause ? `. ${verdict.cause.text}` : ''}`,
    file: where(verdict.cause?.file ?? file),
    line: verdict.cause?.line ?? 1
  })
  const unsure =
    judgement.code === 2
      ? [
          {
            level: 'warning' as const,
            rule: 'unsure',
            text: `${name}: not sure: ${unsureText(examined)}`,
            file: where(file),
            line: 1
          }
        ]
      : []
  return [...judgement.failing.map(of('error')), ...unsure, ...judgement.told.map(of('note'))]
}

const unsureText = (examined: Result['examined']): string =>
  [...(examined?.stopped === undefined ? [] : [examined.stopped]), ...(examined?.report.doubts ?? [])].join('; ')

/** Workflow commands of GitHub Actions. */
function annotations(result: Result): string {
  const escaped = (text: string) => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')
  const property = (text: string) => escaped(text).replace(/:/g, '%3A').replace(/,/g, '%2C')
  return findingsOf(result)
    .map(({ level, text, file, line, rule }) => {
      const command = level === 'note' ? 'notice' : level
      const place =
        file === undefined ? '' : ` file=${property(file)},line=${line},title=${property(`latchkey ${rule}`)}`
      return `::${command}${place}::${escaped(text)}\n`
    })
    .join('')
}

const xml = (text: string): string =>
  text
    .replace(/[<>&"']/g, letter => `&#${letter.charCodeAt(0)};`)
    .replace(/\p{Cc}/gu, letter => (letter === '\n' || letter === '\t' ? letter : ''))

function asJunit(results: readonly Result[]): string {
  const suites = results.map(({ name, examined, error, judgement }) => {
    const verdicts = examined?.report.verdicts ?? []
    const cases = verdicts.map(verdict => {
      const title = `<testcase classname="${xml(name)}" name="${xml(`${verdict.guarantee} ${verdict.name}`)}"`
      if (judgement.failing.includes(verdict)) {
        const steps = (verdict.schedule ?? []).map((step, i) => `${i + 1}. ${step}`).join('\n')
        return `${title}><failure message="${xml(verdict.why ?? '')}">${xml(steps)}</failure></testcase>`
      }
      if (verdict.verdict === 'holds' || judgement.told.includes(verdict)) return `${title}/>`
      return `${title}><skipped message="${xml(`${verdict.verdict}: ${verdict.why ?? ''}`)}"/></testcase>`
    })
    const notSure = judgement.code === 2 ? (error ?? `not sure: ${unsureText(examined)}`) : undefined
    if (notSure !== undefined)
      cases.push(`<testcase classname="${xml(name)}" name="examined"><error message="${xml(notSure)}"/></testcase>`)
    const errors = notSure === undefined ? 0 : 1
    return `  <testsuite name="${xml(name)}" tests="${cases.length}" failures="${judgement.failing.length}" errors="${errors}">\n${cases.map(line => `    ${line}\n`).join('')}  </testsuite>\n`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="latchkey">\n${suites.join('')}</testsuites>\n`
}

function asSarif(results: readonly Result[]): object {
  const findings = results.flatMap(findingsOf)
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'latchkey',
            informationUri: 'https://github.com/latchkey-js/latchkey',
            rules: rules.map(id => ({ id }))
          }
        },
        results: findings.map(({ level, rule, text, file, line }) => ({
          ruleId: rule,
          level,
          message: { text },
          ...(file === undefined
            ? {}
            : {
                locations: [
                  { physicalLocation: { artifactLocation: { uri: encodeURI(file) }, region: { startLine: line } } }
                ]
              })
        }))
      }
    ]
  }
}
