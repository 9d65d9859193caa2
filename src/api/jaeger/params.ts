/**
 * Parameters of Jaeger's HTTP API: times in microseconds for traces and in milliseconds for dependencies, durations like
 * `1.2s`. https://www.jaegertracing.io/docs/latest/architecture/apis/
 */
import { invalid } from '../../base/errors.ts';
import { parseGoDuration, parsePromDuration } from '../../traceql/duration.ts';
import { formatDuration } from '../../traceql/format-duration.ts';
import type { TimeRange } from '../../traceql/result.ts';
import { inContext, parseSigned, parseUnsigned, type QueryParams } from '../requests/params.ts';
import type { TraceFilter } from './filter.ts';

/** Traces in an answer, and how far back a search goes, when the request does not say. */
const limitDefault = 100;
const lookbackNano = 48n * 3600n * 1_000_000_000n;
const dependenciesLookbackMs = 24 * 3_600_000;

export interface TraceSearch {
  readonly filter: TraceFilter;
  readonly range: TimeRange;
  readonly limit: number;
}

/** @throws RubatoError of kind `invalid` */
export function readTraceSearch(params: QueryParams, nowMs: number): TraceSearch {
  const filter = {
    service: params.get('service') ?? '',
    operation: params.get('operation') ?? '',
    tags: [...params.all('tag').map(readTag), ...params.all('tags').flatMap(readTags)],
    minDurationNano: readDuration(params, 'minDuration'),
    maxDurationNano: readDuration(params, 'maxDuration'),
  };
  if (filter.service === '') throw invalid('bad_search', "parameter 'service' is required");
  if (filter.maxDurationNano !== 0 && filter.maxDurationNano < filter.minDurationNano)
    throw invalid('bad_search', "'maxDuration' should be greater than 'minDuration'");
  const limit = params.get('limit');
  return {
    filter,
    range: readRange(params, nowMs),
    limit: limit === undefined ? limitDefault : named('limit', () => Number(parseUnsigned(limit, 32))),
  };
}

/** Where to look for a trace: everywhere unless both ends are given. @throws RubatoError of kind `invalid` */
export function readTraceRange(params: QueryParams): TimeRange {
  const startUnixNano = readMicroseconds(params, 'start') ?? 0n;
  const endUnixNano = readMicroseconds(params, 'end') ?? 0n;
  return startUnixNano > 0n && endUnixNano > startUnixNano
    ? { startUnixNano, endUnixNano }
    : { startUnixNano: 0n, endUnixNano: 0n };
}

/** @throws RubatoError of kind `invalid` */
export function readDependenciesRange(params: QueryParams, nowMs: number): TimeRange {
  const endMs = readCount(params, 'endTs') ?? Math.trunc(nowMs);
  const startMs = Math.max(0, endMs - (readCount(params, 'lookback') ?? dependenciesLookbackMs));
  return { startUnixNano: BigInt(startMs) * 1_000_000n, endUnixNano: BigInt(endMs) * 1_000_000n };
}

/** @throws RubatoError when a search covers more time than allowed. */
export function checkSearchRange({ startUnixNano, endUnixNano }: TimeRange, durationMaxMs: number): void {
  if (startUnixNano >= endUnixNano) throw invalid('bad_time_range', 'start must be before end');
  if (durationMaxMs === 0 || endUnixNano - startUnixNano <= BigInt(durationMaxMs) * 1_000_000n) return;
  throw invalid(
    'bad_time_range',
    `range specified by start and end exceeds ${formatDuration(durationMaxMs * 1e6)}. ` +
      `received start=${startUnixNano / 1_000_000_000n} end=${endUnixNano / 1_000_000_000n}`,
  );
}

function readRange(params: QueryParams, nowMs: number): TimeRange {
  const endUnixNano = readMicroseconds(params, 'end') ?? BigInt(Math.trunc(nowMs)) * 1_000_000n;
  const startUnixNano = readMicroseconds(params, 'start') ?? endUnixNano - readLookback(params);
  return { startUnixNano, endUnixNano };
}

/** Jaeger's UI sends `1h`, `2d`, or `custom` beside a start. */
function readLookback(params: QueryParams): bigint {
  const text = params.get('lookback');
  if (text === undefined || text === 'custom') return lookbackNano;
  return BigInt(named('lookback', () => parsePromDuration(text)));
}

function readMicroseconds(params: QueryParams, name: string): bigint | undefined {
  const text = params.get(name);
  return text === undefined ? undefined : named(name, () => parseSigned(text, 64)) * 1000n;
}

function readCount(params: QueryParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === undefined) return undefined;
  const value = Number(named(name, () => parseUnsigned(text, 64)));
  if (!Number.isSafeInteger(value)) throw invalid('bad_number', `unable to parse param '${name}': value out of range`);
  return value;
}

function readDuration(params: QueryParams, name: string): number {
  const text = params.get(name);
  return text === undefined ? 0 : Math.max(0, Math.round(named(name, () => parseGoDuration(text))));
}

/** `key:value` */
function readTag(text: string): [string, string] {
  const colon = text.indexOf(':');
  if (colon === -1) throw invalid('bad_tags', `malformed 'tag' parameter, expecting key:value, received: ${text}`);
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** `{"key":"value"}` */
function readTags(text: string): [string, string][] {
  let tags: unknown;
  try {
    tags = JSON.parse(text);
  } catch (error) {
    throw invalid('bad_tags', "malformed 'tags' parameter, cannot unmarshal JSON", error);
  }
  const isText = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags) || !Object.values(tags).every(isText))
    throw invalid('bad_tags', "malformed 'tags' parameter, expecting an object of texts");
  return Object.entries(tags).map(([key, value]) => [key, String(value)]);
}

function named<Value>(name: string, read: () => Value): Value {
  return inContext(`unable to parse param '${name}': `, read);
}
