import { findSeverity, SEVERITIES } from '../domain/severity.ts'
import type { Command, CommandContext } from './command.ts'
import { defineCommand, UsageError } from './define.ts'
import { FAIL_ON, parseFailOn, whatFails } from './fail-on.ts'
import { historyText } from './history-text.ts'
import { parseImageName } from './image-name.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { PLANE } from './plane.ts'
import { printable } from './printable.ts'
import { reportText } from './report-text.ts'
import type { ReportInfo, ScanPlane } from './scan-plane.ts'
import { withScanPlane } from './scan-plane.ts'
import { freshReport, parseTimeout } from './scan-wait.ts'

const DEFAULT_TIMEOUT = '5m'
const MOST_CHANGES = 200

const OPTIONS = {
  force: { type: 'boolean', about: 'scan again, also when the report is up to date' },
  'no-wait': { type: 'boolean', about: 'ask for a scan if one is needed, and print what is known already' },
  timeout: { type: 'string', value: '<time>', about: `wait at most so long: 90s, 5m; default ${DEFAULT_TIMEOUT}` },
  platform: { type: 'string', value: '<os/arch>', about: 'only this image of several, such as linux/arm64' },
  severity: { type: 'string', value: '<band>', about: 'list only findings of this band and worse' },
  fixable: { type: 'boolean', about: 'list only findings with a fix, and let --fail-on look at no others' },
  'fail-on': {
    type: 'string',
    value: '<what>',
    multiple: true,
    about: `exit code 1 if there is any: ${FAIL_ON.join(', ')}`,
  },
  'allow-unknown': { type: 'boolean', about: 'with --fail-on: also pass what nobody could judge' },
  history: { type: 'boolean', about: 'how its report changed and why, instead of the report; nothing is scanned' },
  ...PLANE,
  ...JSON_OPTION,
} as const

export const scanCommand: Command = defineCommand({
  name: 'scan',
  summary: 'say which known vulnerabilities an image has, and what to do about them',
  about:
    'Prints the report of an image. If advisories came since it was made, or it was never scanned, it is scanned first. An index is\n' +
    'scanned with all its images. On the data of this machine the scan is done by this command, or by the server if it is quicker.\n' +
    'Exit code 0: the report is printed; 1: there is none in time, or it has what --fail-on names; 2: usage. With --fail-on, an image\n' +
    'that could not be judged (Unknown) fails, unless --allow-unknown is given.',
  example:
    'entrepot scan acme/team/app:v1\n' +
    'entrepot scan acme/team/app:v1 --severity high --fixable\n' +
    'entrepot scan acme/team/app@sha256:… --fail-on high,unknown --json > report.json\n' +
    'entrepot scan acme/team/app --history',
  positionals: ['image'],
  options: OPTIONS,
  run: async ({ positionals: [text], options }, context) => {
    const image = parseImageName(text)
    const asked = { ...parse(options), title: text }
    return await withScanPlane(options, image, context, async (plane) =>
      options.history
        ? await printHistory(plane, image.reference, options.json, context)
        : await printReport(plane, image.reference, asked, context),
    )
  },
})

interface Given {
  readonly force: boolean
  readonly 'no-wait': boolean
  readonly timeout: string | undefined
  readonly platform: string | undefined
  readonly severity: string | undefined
  readonly fixable: boolean
  readonly 'fail-on': readonly string[]
  readonly 'allow-unknown': boolean
  readonly history: boolean
  readonly json: boolean
}

/** @throws UsageError */
function parse(given: Given) {
  const severity = findSeverity(given.severity ?? 'unknown')
  if (severity === null)
    throw new UsageError(`--severity ${given.severity} is not valid: write one of ${SEVERITIES.join(', ')}`)
  if (given.json && given.severity !== undefined)
    throw new UsageError('--severity is for the table: --json prints the whole report')
  if (given.history && (given.force || given['fail-on'].length > 0))
    throw new UsageError('--history scans nothing and has no findings: leave --force and --fail-on out')
  if (given['allow-unknown'] && given['fail-on'].length === 0)
    throw new UsageError('--allow-unknown is for --fail-on: without it nothing fails')
  return {
    waiting: {
      force: given.force,
      wait: !given['no-wait'],
      timeoutMs: parseTimeout(given.timeout ?? DEFAULT_TIMEOUT),
    },
    failOn: parseFailOn(given['fail-on']),
    allowUnknown: given['allow-unknown'],
    platform: given.platform ?? null,
    severity,
    fixableOnly: given.fixable,
    json: given.json,
  }
}

type Asked = ReturnType<typeof parse> & { readonly title: string }

async function printReport(plane: ScanPlane, reference: string, asked: Asked, context: CommandContext) {
  const { io } = context
  const found = await freshReport(plane, reference, asked.waiting, context)
  const report = asked.platform === null ? found.report : await reportOn(plane, found.report, asked.platform)
  if (asked.json) printJson(context, report)
  else io.out(reportText(report, { ...asked, title: printable(asked.title), now: context.now() }))
  if (!found.isDone && asked.waiting.wait) {
    io.err(`The scan is not done in time: ${plane.whoElse}, and the same command shows its report then`)
    return 1
  }
  const counted = asked.fixableOnly ? report.findings.filter(({ fixable }) => fixable) : report.findings
  const broken = whatFails({ ...report, findings: counted }, asked.failOn, asked)
  for (const sentence of broken) io.err(`Does not pass: ${printable(sentence, 500)}`)
  return broken.length === 0 ? 0 : 1
}

/** @throws UsageError */
async function reportOn(plane: ScanPlane, { images }: ReportInfo, platform: string): Promise<ReportInfo> {
  const image = images.find((one) => one.platform === platform || one.platform?.startsWith(`${platform}/`))
  if (image) return await plane.report(image.digest)
  const there = images.flatMap((one) => one.platform ?? [])
  const some = there.length === 0 ? 'it is no image of several platforms' : `it has ${there.join(', ')}`
  throw new UsageError(`--platform ${platform} is not there: ${some}`)
}

async function printHistory(plane: ScanPlane, reference: string, json: boolean, context: CommandContext) {
  const { digest } = await plane.report(reference)
  const changes = await plane.history(digest, MOST_CHANGES)
  if (json) return printJson(context, changes)
  if (changes.length === 0) context.io.err(`The report of ${plane.name}@${digest} has not changed since it was made`)
  else context.io.out(historyText(changes, digest))
  return 0
}
