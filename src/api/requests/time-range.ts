/**
 * The time parameters `start`, `end` and `since` of every route, as ranges in Unix nanoseconds. Routes differ in what
 * they accept, what is assumed when nothing is given, and how errors are worded; each has a function here.
 */
import { invalid } from '../../base/errors.ts';
import { parseGoDuration, parsePromDuration } from '../../traceql/duration.ts';
import { formatDuration } from '../../traceql/format-duration.ts';
import type { TimeRange } from '../../traceql/result.ts';
import { inContext, parseSigned, parseUnsigned, type QueryParams, quoted } from './params.ts';

const second = 1_000_000_000n;
const millisecond = 1_000_000n;
const metricsSinceDefault = 3600n * second;

/** Inclusive bounds in whole seconds. */
export interface SecondsRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Trace by id: seconds; both must be given to have an effect. */
export function traceRange(params: QueryParams): TimeRange {
  const start = inContext('invalid start: ', () => parseSigned(params.get('start') ?? '0', 64));
  const end = inContext('invalid end: ', () => parseSigned(params.get('end') ?? '0', 64));
  if (start === 0n || end === 0n) return { startUnixNano: 0n, endUnixNano: 0n };
  refuseInverted(start, end);
  return secondsRange(start, end);
}

/** Search: seconds. Nothing given: the longest range that may be asked for, up to now. */
export function searchRange(params: QueryParams, durationMaxMs: number, nowMs: number): TimeRange {
  const start = inContext('invalid start: ', () => parseUnsigned(params.get('start') ?? '0', 32));
  const end = inContext('invalid end: ', () => parseUnsigned(params.get('end') ?? '0', 32));
  const since = sinceRange(params, 'error parsing date range: ', nowMs);
  if (since !== undefined) return within(since, durationMaxMs);
  return searchSecondsRange({ start, end }, durationMaxMs, nowMs);
}

/** The same for callers that have numbers, where 0 means not given. */
export function searchSecondsRange({ start, end }: SecondsRange, durationMaxMs: number, nowMs: number): TimeRange {
  if (start === 0n && end === 0n) return recent(durationMaxMs, nowMs);
  refuseInverted(start, end);
  if (start === 0n) throw onlyOneGiven();
  return within(secondsRange(start, end), durationMaxMs);
}

/** Tag names and values: seconds. A range that ends before it starts is read the other way round. */
export function tagRange(params: QueryParams, durationMaxMs: number, nowMs: number): TimeRange {
  const context = 'error parsing date range: ';
  const since = sinceRange(params, context, nowMs);
  if (since !== undefined) return within(since, durationMaxMs);
  const start = params.get('start');
  const end = params.get('end');
  const startUnixNano = start === undefined ? 0n : inContext(context, () => parseTime('start', start));
  const endUnixNano = end === undefined ? 0n : inContext(context, () => parseTime('end', end));
  if (start === undefined && end === undefined) return recent(durationMaxMs, nowMs);
  if (start === undefined || end === undefined) throw onlyOneGiven();
  if (startUnixNano > endUnixNano)
    return within({ startUnixNano: endUnixNano, endUnixNano: startUnixNano }, durationMaxMs);
  return within({ startUnixNano, endUnixNano }, durationMaxMs);
}

/** The same for callers that have seconds as numbers, where 0 means not given. */
export function tagSecondsRange(range: SecondsRange, durationMaxMs: number, nowMs: number): TimeRange {
  const { start, end } = range;
  if (start === 0n && end === 0n) return recent(durationMaxMs, nowMs);
  if (start === 0n || end === 0n) throw onlyOneGiven();
  return within(start > end ? secondsRange(end, start) : secondsRange(start, end), durationMaxMs);
}

/** Metrics: seconds, ns or RFC 3339. `since` says where the range starts when `start` is missing. */
export function metricsRange(params: QueryParams, nowMs: number): TimeRange {
  const context = 'rpc error: code = Code(400) desc = ';
  const now = BigInt(Math.trunc(nowMs)) * millisecond;
  const since = params.get('since');
  const sinceNano = since === undefined ? metricsSinceDefault : inContext(context, () => parseSince(since));
  const end = params.get('end');
  const endUnixNano = end === undefined ? now : inContext(context, () => parseTime('end', end));
  const start = params.get('start');
  const latest = endUnixNano < now ? endUnixNano : now;
  const startUnixNano =
    start === undefined ? positive(latest - sinceNano) : inContext(context, () => parseTime('start', start));
  if (startUnixNano > endUnixNano) throw invalid('bad_time_range', 'end must be greater than start');
  return { startUnixNano, endUnixNano };
}

/** @throws RubatoError when the range of a metrics query is longer than allowed; exactly that long is fine. */
export function checkMetricsDuration(range: TimeRange, durationMaxMs: number): void {
  if (durationMaxMs === 0 || range.endUnixNano - range.startUnixNano <= BigInt(durationMaxMs) * millisecond) return;
  throw invalid(
    'bad_time_range',
    `metrics query time range exceeds the maximum allowed duration of ${formatDuration(durationMaxMs * 1e6)}`,
  );
}

function sinceRange(params: QueryParams, context: string, nowMs: number): TimeRange | undefined {
  const since = params.get('since');
  if (since === undefined) return undefined;
  const endUnixNano = BigInt(Math.trunc(nowMs)) * millisecond;
  return { startUnixNano: positive(endUnixNano - inContext(context, () => parseSince(since))), endUnixNano };
}

function parseSince(text: string): bigint {
  return BigInt(inContext("could not parse 'since' parameter: ", () => parsePromDuration(text)));
}

/** Seconds with fraction, whole seconds (up to 10 digits), nanoseconds, or RFC 3339. Before 1970 counts as 1970. */
function parseTime(name: string, text: string): bigint {
  const context = `could not parse '${name}' parameter: `;
  if (/^[+-]?\d*\.\d*$/.test(text) && text.length < 40) {
    const milliseconds = Math.round(Number(text) * 1000);
    if (Number.isSafeInteger(milliseconds)) return positive(BigInt(milliseconds) * millisecond);
  }
  const rfc3339 = parseRfc3339(text);
  if (rfc3339 !== undefined) return positive(rfc3339);
  const value = inContext(context, () => parseSigned(text, 64));
  return positive(text.length <= 10 ? value * second : value);
}

const rfc3339Form = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

function parseRfc3339(text: string): bigint | undefined {
  const match = rfc3339Form.exec(text);
  if (match === null) return undefined;
  const milliseconds = Date.parse(`${match[1]}T${match[2]}${match[4]!.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * millisecond + BigInt((match[3] ?? '').padEnd(9, '0'));
}

function secondsRange(start: bigint, end: bigint): TimeRange {
  return { startUnixNano: positive(start) * second, endUnixNano: positive(end) * second };
}

function recent(durationMaxMs: number, nowMs: number): TimeRange {
  if (durationMaxMs === 0) return { startUnixNano: 0n, endUnixNano: 0n };
  return {
    startUnixNano: positive(BigInt(Math.trunc(nowMs) - durationMaxMs) * millisecond),
    endUnixNano: BigInt(Math.trunc(nowMs)) * millisecond,
  };
}

function within(range: TimeRange, durationMaxMs: number): TimeRange {
  const { startUnixNano, endUnixNano } = range;
  if (durationMaxMs === 0 || endUnixNano - startUnixNano <= BigInt(durationMaxMs) * millisecond) return range;
  throw invalid(
    'bad_time_range',
    `range specified by start and end exceeds ${formatDuration(durationMaxMs * 1e6)}. ` +
      `received start=${startUnixNano / second} end=${endUnixNano / second}`,
  );
}

function refuseInverted(start: bigint, end: bigint): void {
  if (start < end) return;
  throw invalid('bad_time_range', `http parameter start must be before end. received start=${start} end=${end}`);
}

function onlyOneGiven(): Error {
  return invalid(
    'bad_time_range',
    'error parsing date range: only one of start and end provided: must provide both or neither',
  );
}

const positive = (value: bigint): bigint => (value < 0n ? 0n : value);

/** The step of a metrics query in ns: a number of seconds, or a Go duration. */
export function parseStep(text: string): bigint {
  const seconds = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : undefined;
  if (seconds !== undefined && Math.abs(seconds) < 1e9) return BigInt(Math.round(seconds * 1e9));
  try {
    return BigInt(parseGoDuration(text));
  } catch (error) {
    throw invalid('bad_step', `cannot parse ${quoted(text)} to a valid duration`, error);
  }
}
