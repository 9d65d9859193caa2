/** Messages of the streaming API → what the HTTP API reads from its parameters: the checks after that are the same. */
import { invalid } from '../../base/errors.ts';
import type { TimeRange } from '../../traceql/result.ts';
import type {
  QueryInstantRequest,
  QueryRangeRequest,
  SearchRequest,
  SearchTagsRequest,
  SearchTagValuesRequest,
} from '../generated/tempopb_pb.ts';
import type { QueryLimits } from '../ports.ts';
import type { MetricsFields } from '../requests/metrics-request.ts';
import type { SearchFields } from '../requests/search-request.ts';
import type { TagFields } from '../requests/tag-requests.ts';
import { searchSecondsRange, tagSecondsRange } from '../requests/time-range.ts';

const nanoPerMs = 1_000_000;
/** How far back a metrics query without a start goes. */
const metricsSinceNano = 3600n * 1_000_000_000n;

/** @throws RubatoError of kind `invalid` */
export function searchFields(message: SearchRequest, limits: QueryLimits, nowMs: number): SearchFields {
  const range = { start: BigInt(message.start), end: BigInt(message.end) };
  const tags = Object.entries(message.Tags).map(([key, value]) => ({ key, value }));
  if (message.Query !== '' && tags.length > 0)
    throw invalid('bad_search', "invalid request: can't specify tags and q in the same query");
  return {
    query: message.Query,
    tags,
    minDurationNano: message.MinDurationMs * nanoPerMs,
    maxDurationNano: message.MaxDurationMs * nanoPerMs,
    limit: message.Limit === 0 ? undefined : message.Limit,
    spansPerSpanSet: message.SpansPerSpanSet,
    range: searchSecondsRange(range, limits.searchDurationMaxMs, nowMs),
    sort: 'start',
    totals: false,
  };
}

/** @throws RubatoError of kind `invalid` */
export function tagNameFields(message: SearchTagsRequest, limits: QueryLimits, nowMs: number): TagFields {
  return { ...tagFields(message, limits, nowMs), limit: message.maxTagsPerScope };
}

/** @throws RubatoError of kind `invalid` */
export function tagValueFields(message: SearchTagValuesRequest, limits: QueryLimits, nowMs: number): TagFields {
  return { ...tagFields(message, limits, nowMs), limit: message.maxTagValues };
}

function tagFields(
  { query, start, end }: { readonly query: string; readonly start: number; readonly end: number },
  limits: QueryLimits,
  nowMs: number,
): Omit<TagFields, 'limit'> {
  const range = { start: BigInt(start), end: BigInt(end) };
  return { filter: query, range: tagSecondsRange(range, limits.searchDurationMaxMs, nowMs) };
}

/** @throws RubatoError of kind `invalid` */
export function rangeFields(message: QueryRangeRequest, nowMs: number): MetricsFields {
  const { query, step, exemplars, maxSeries } = message;
  const range = metricsRange(message, nowMs);
  return { query, range, stepNano: step === 0n ? undefined : step, exemplars, maxSeries };
}

/** @throws RubatoError of kind `invalid` */
export function instantFields(message: QueryInstantRequest, nowMs: number): MetricsFields {
  const range = metricsRange(message, nowMs);
  return { query: message.query, range, stepNano: undefined, exemplars: 0, maxSeries: 0 };
}

/** 0 is not given: as over HTTP the end is now, and the start an hour before. */
function metricsRange({ start, end }: { readonly start: bigint; readonly end: bigint }, nowMs: number): TimeRange {
  const now = BigInt(Math.trunc(nowMs)) * 1_000_000n;
  const endUnixNano = end === 0n ? now : end;
  const latest = endUnixNano < now ? endUnixNano : now;
  const since = latest > metricsSinceNano ? latest - metricsSinceNano : 0n;
  const startUnixNano = start === 0n ? since : start;
  if (startUnixNano > endUnixNano) throw invalid('bad_time_range', 'end must be greater than start');
  return { startUnixNano, endUnixNano };
}
