/** What the commands' options have in common: how they are read, and what a wrong one says. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { parseGoDuration, parsePromDuration } from '../traceql/duration.ts';
import type { TimeRange } from '../traceql/result.ts';

/** Where the data is. */
export const sourceOptions = {
  url: { type: 'string' },
  data: { type: 'string' },
  tenant: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

export const rangeOptions = {
  since: { type: 'string' },
  start: { type: 'string' },
  end: { type: 'string' },
} as const satisfies ParseArgsOptionsConfig;

export const sourceUsage = `  --url URL       the server's query API (default http://127.0.0.1:3200)
  --data DIR      no server: look into this data folder, reading only
  --tenant ID     with multitenancy: whose data; several as a|b
  --json          JSON for programs instead of text for people
`;

export const rangeUsage = `  --since D       how far to look back, for example 15m, 2h, 7d (default 1h)
  --start, --end  RFC 3339, Unix seconds or nanoseconds, now or now-2h; without --end: now
`;

/** A wrong command line. */
export function usageError(message: string): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_flag', `${message}; see --help`);
}

/**
 * Options and positional arguments. `names` are the positional ones, those that end in `?` may be missing.
 * @throws RubatoError config
 */
export function readOptions<Options extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: Options,
  names: readonly string[] = [],
) {
  const parsed = parse(argv, options);
  const { positionals } = parsed;
  const isHelp = 'help' in parsed.values && parsed.values['help'] === true;
  const missing = names[positionals.length];
  if (!isHelp && missing !== undefined && !missing.endsWith('?')) throw usageError(`${missing} is missing`);
  const extra = positionals[names.length];
  if (extra !== undefined) throw usageError(`unexpected argument ${JSON.stringify(extra)}`);
  return { values: parsed.values, positionals, isHelp };
}

function parse<Options extends ParseArgsOptionsConfig>(argv: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'string' || !code.startsWith('ERR_PARSE_ARGS')) throw error;
    throw usageError((error as Error).message.replace(/\. To specify .*$/s, '').replace(/^[A-Z]/, lower));
  }
}

const lower = (letter: string): string => letter.toLowerCase();

/** A whole number of at least `min`; undefined when the option is not given. */
export function readInteger(name: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min)
    throw usageError(`--${name} needs a whole number of at least ${min}, not ${JSON.stringify(text)}`);
  return value;
}

/** A duration in ms, as Go (`1m30s`, `1.5s`) or Prometheus (`7d`) write it. */
export function readDurationMs(name: string, text: string): number {
  for (const read of [parseGoDuration, parsePromDuration]) {
    try {
      const nano = read(text);
      if (nano >= 0) return nano / 1e6;
    } catch {
      // The other notation may know it.
    }
  }
  throw usageError(`--${name} needs a duration like 15m or 7d, not ${JSON.stringify(text)}`);
}

const sinceMsDefault = 3_600_000;

/** The range that --since, --start and --end ask for. */
export function readRange(
  values: {
    readonly since?: string | undefined;
    readonly start?: string | undefined;
    readonly end?: string | undefined;
  },
  nowMs: number,
): TimeRange {
  if (values.since !== undefined && values.start !== undefined) throw usageError('either --since or --start');
  const endUnixNano = values.end === undefined ? nanoOf(nowMs) : readTime('end', values.end, nowMs);
  const sinceMs = values.since === undefined ? sinceMsDefault : readDurationMs('since', values.since);
  const startUnixNano =
    values.start === undefined ? endUnixNano - nanoOf(sinceMs) : readTime('start', values.start, nowMs);
  if (startUnixNano >= endUnixNano) throw usageError('--start must be before --end');
  return { startUnixNano: startUnixNano < 0n ? 0n : startUnixNano, endUnixNano };
}

function readTime(name: string, text: string, nowMs: number): bigint {
  const relative = /^now(?:-(.+))?$/.exec(text);
  if (relative !== null) return nanoOf(nowMs - (relative[1] === undefined ? 0 : readDurationMs(name, relative[1])));
  if (/^\d{1,19}$/.test(text)) return text.length <= 10 ? BigInt(text) * 1_000_000_000n : BigInt(text);
  const ms = /^\d{4}-\d\d-\d\d([Tt ]|$)/.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(ms)) throw usageError(`--${name} needs a time, not ${JSON.stringify(text)}`);
  return nanoOf(ms);
}

const nanoOf = (ms: number): bigint => BigInt(Math.round(ms)) * 1_000_000n;

/** For routes that take whole seconds: the smallest such range that holds this one. */
export function secondsOf({ startUnixNano, endUnixNano }: TimeRange): { start: string; end: string } {
  const second = 1_000_000_000n;
  return { start: String(startUnixNano / second), end: String((endUnixNano + second - 1n) / second) };
}
