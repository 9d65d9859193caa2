/**
 * The ways in which a trace can be read, each checked against what was written. The names of failures are those of Tempo's
 * vulture, by which its dashboards and alerts know them; `notfound_tags` and `notfound_tag_values` are ours.
 */
import type {
  QueryRangeResponse,
  ScopedTagNamesResponse,
  SearchResponse,
  TraceV1Response,
  TraceV2Response,
  TypedTagValuesResponse,
} from '../../api/contract/index.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { QueryClient } from '../query-client.ts';
import { readTrace } from '../trace/read-trace.ts';
import { compareSpans } from './compare.ts';
import type { MadeTrace } from './made-trace.ts';

export const failureNames = [
  'notfound_byid',
  'missingspans',
  'incorrectresult',
  'requestfailed',
  'notfound_search',
  'notfound_traceql',
  'notfound_metrics',
  'incorrect_metrics_result',
  'inaccurate_metrics',
  'notfound_tags',
  'notfound_tag_values',
] as const;
export type FailureName = (typeof failureNames)[number];

export interface Failure {
  readonly name: FailureName;
  readonly traceId: string;
  /** For people. */
  readonly detail: string;
}

/** Resolves with what is wrong, or undefined. */
export type Check = (trace: MadeTrace, signal: AbortSignal) => Promise<Failure | undefined>;

export interface Checks {
  /** By id, through both versions of the route. */
  readonly byId: readonly Check[];
  /** Search by tag and by TraceQL, names and values of tags. */
  readonly search: readonly Check[];
  readonly metrics: readonly Check[];
}

export function createChecks(client: QueryClient): Checks {
  const guarded = (check: (client: QueryClient, trace: MadeTrace, signal: AbortSignal) => Promise<Found>): Check => {
    return async (trace, signal) => {
      const found = await check(client, trace, signal).catch((error: unknown): Found => {
        // A request that was given up says nothing about the server.
        if (signal.aborted || !(error instanceof RubatoError)) throw error;
        return { name: 'requestfailed', detail: error.message };
      });
      return found && { ...found, traceId: trace.traceId };
    };
  };
  return {
    byId: [guarded(checkV1), guarded(checkV2)],
    search: [guarded(checkTagSearch), guarded(checkTraceQl), guarded(checkTagNames), guarded(checkTagValues)],
    metrics: [guarded(checkMetrics)],
  };
}

type Found = { readonly name: FailureName; readonly detail: string } | undefined;

async function checkV1(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  try {
    const path = `/api/traces/${trace.traceId}`;
    const { batches } = await client.json<TraceV1Response>(path, around(trace, wideSeconds), signal);
    return compare(trace, batches, path);
  } catch (error) {
    if (!(error instanceof RubatoError) || error.kind !== ErrorKind.notFound) throw error;
    return { name: 'notfound_byid', detail: 'not found by id' };
  }
}

async function checkV2(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  const path = `/api/v2/traces/${trace.traceId}`;
  const answer = await client.json<TraceV2Response>(path, around(trace, wideSeconds), signal);
  const { resourceSpans } = answer.trace;
  if (resourceSpans === undefined) return { name: 'notfound_byid', detail: 'not found by id (v2)' };
  return compare(trace, resourceSpans, path);
}

function compare(trace: MadeTrace, groups: TraceV1Response['batches'], path: string): Found {
  const difference = compareSpans(trace.writes.flat(), readTrace(groups));
  return difference && { name: difference.kind, detail: `${path}: ${difference.detail}` };
}

async function checkTagSearch(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  const tags = `${trace.tag.key}=${trace.tag.value}`;
  const answer = await client.json<SearchResponse>('/api/search', { tags, ...around(trace, wideSeconds) }, signal);
  return contains(answer, trace) ? undefined : { name: 'notfound_search', detail: `not found by tags ${tags}` };
}

async function checkTraceQl(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  const q = tagQuery(trace);
  const answer = await client.json<SearchResponse>('/api/search', { q, ...around(trace, wideSeconds) }, signal);
  return contains(answer, trace) ? undefined : { name: 'notfound_traceql', detail: `not found by ${q}` };
}

async function checkMetrics(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  const q = tagQuery(trace);
  const range = around(trace, wideSeconds);
  const query = `${q} | count_over_time()`;
  const parameters = { q: query, step: '10s', ...range };
  const { series } = await client.json<QueryRangeResponse>('/api/metrics/query_range', parameters, signal);
  if (series.length > 1)
    return { name: 'incorrect_metrics_result', detail: `${series.length} series of ${query}, not one` };
  const counted = series[0]?.samples.reduce((sum, { value = 0 }) => sum + Number(value), 0) ?? 0;
  // What matches nothing may be one series of zeros.
  if (counted === 0) return { name: 'notfound_metrics', detail: `nothing is counted by ${query}` };
  const { traces } = await client.json<SearchResponse>('/api/search', { q, ...range }, signal);
  const matched = traces.flatMap(({ spanSets = [] }) => spanSets).reduce((sum, { matched: n = 0 }) => sum + n, 0);
  if (counted === matched) return undefined;
  return { name: 'inaccurate_metrics', detail: `${query} counts ${counted} spans, the search ${matched}` };
}

async function checkTagNames(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  const { key } = trace.tag;
  const parameters = { scope: 'span', ...around(trace, narrowSeconds) };
  const { scopes } = await client.json<ScopedTagNamesResponse>('/api/v2/search/tags', parameters, signal);
  const isThere = scopes.some(({ name, tags }) => name === 'span' && tags.includes(key));
  return isThere ? undefined : { name: 'notfound_tags', detail: `${key} is not among the names of span tags` };
}

async function checkTagValues(client: QueryClient, trace: MadeTrace, signal: AbortSignal): Promise<Found> {
  const { key, value } = trace.tag;
  const path = `/api/v2/search/tag/span.${encodeURIComponent(key)}/values`;
  const { tagValues } = await client.json<TypedTagValuesResponse>(path, around(trace, narrowSeconds), signal);
  if (tagValues.some((found) => found.type === 'string' && found.value === value)) return undefined;
  return { name: 'notfound_tag_values', detail: `${value} is not among the values of span.${key}` };
}

/** Half an hour to both sides, as Tempo's vulture asks. */
const wideSeconds = 30 * 60;
/** The names and values of little time, so that no limit cuts the answer. */
const narrowSeconds = 60;

function around({ writtenMs }: MadeTrace, seconds: number): { start: number; end: number } {
  const second = Math.floor(writtenMs / 1000);
  return { start: second - seconds, end: second + seconds };
}

const tagQuery = ({ tag: { key, value } }: MadeTrace): string => `{ .${key} = ${JSON.stringify(value)} }`;

/** Ids in search results may lack their leading zeros. */
function contains({ traces }: SearchResponse, { traceId }: MadeTrace): boolean {
  return traces.some((trace) => trace.traceID.padStart(32, '0') === traceId);
}
