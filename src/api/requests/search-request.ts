/** Search parameters → a checked request. HTTP reads them from the URL; gRPC brings them as fields. */
import { invalid } from '../../base/errors.ts';
import type { Query } from '../../traceql/ast.ts';
import { checkQuery } from '../../traceql/check.ts';
import { parseGoDuration } from '../../traceql/duration.ts';
import { parseQuery } from '../../traceql/parser.ts';
import {
  type SearchRequest,
  type SearchSort,
  SearchSorts,
  type TagSearch,
  type TimeRange,
} from '../../traceql/result.ts';
import type { QueryLimits } from '../ports.ts';
import { parseTags, type TagPair } from './logfmt.ts';
import { inContext, parseUnsigned, type QueryParams, quoted } from './params.ts';
import { searchRange } from './time-range.ts';

/** What was asked, before limits and defaults. */
export interface SearchFields {
  /** TraceQL; empty when none was given. */
  readonly query: string;
  readonly tags: readonly TagPair[];
  readonly minDurationNano: number;
  /** 0 = no bound. */
  readonly maxDurationNano: number;
  /** undefined: the default. */
  readonly limit: number | undefined;
  /** undefined or 0: the default. */
  readonly spansPerSpanSet: number | undefined;
  readonly range: TimeRange;
  readonly sort: SearchSort;
  readonly totals: boolean;
}

/** Parameters that are not tags; `sort`, `totals`, `explain`, `cost` and `stream` are ours. */
const known = new Set(
  ['q', 'tags', 'start', 'end', 'since', 'limit', 'spss', 'minDuration', 'maxDuration']
    .concat(['skip_ast_transformations', 'mode', 'most_recent'])
    .concat(['sort', 'totals', 'explain', 'cost', 'stream']),
);

export function readSearchFields(params: QueryParams, limits: QueryLimits, nowMs: number): SearchFields {
  const range = searchRange(params, limits.searchDurationMaxMs, nowMs);
  const query = params.get('q') ?? '';
  const tags = params.get('tags');
  if (query !== '' && tags !== undefined)
    throw invalid('bad_search', "invalid request: can't specify tags and q in the same query");
  const limit = params.get('limit');
  const spansPerSpanSet = params.get('spss');
  return {
    query,
    tags: query === '' && tags === undefined ? loneTags(params) : parseTags(tags ?? ''),
    minDurationNano: readDuration(params, 'minDuration'),
    maxDurationNano: readDuration(params, 'maxDuration'),
    range,
    limit: limit === undefined ? undefined : inContext('invalid limit: ', () => Number(parseUnsigned(limit, 32))),
    spansPerSpanSet:
      spansPerSpanSet === undefined
        ? undefined
        : inContext('invalid spss: ', () => Number(parseUnsigned(spansPerSpanSet, 32))),
    sort: readSort(params),
    totals: params.flag('totals'),
  };
}

/** Applies limits and defaults. @throws RubatoError of kind `invalid` */
export function searchRequest(tenant: string, fields: SearchFields, limits: QueryLimits): SearchRequest {
  const { minDurationNano, maxDurationNano, tags, range, sort, totals } = fields;
  if (maxDurationNano !== 0 && maxDurationNano < minDurationNano)
    throw invalid('bad_search', 'invalid maxDuration: must be greater than minDuration');
  const limit = fields.limit ?? limits.searchResultsDefault;
  if (limit === 0) throw invalid('bad_search', 'invalid limit: must be a positive number');
  if (limits.searchResultsMax !== 0 && limit > limits.searchResultsMax)
    throw invalid('bad_search', `limit ${limit} exceeds max limit ${limits.searchResultsMax}`);
  const spansPerSpanSet = fields.spansPerSpanSet ?? 0;
  if (limits.spansPerSpanSetMax !== 0 && spansPerSpanSet > limits.spansPerSpanSetMax)
    throw invalid('bad_search', `spans per span set exceeds ${limits.spansPerSpanSetMax}. received ${spansPerSpanSet}`);
  const tagSearch: TagSearch = { tags, minDurationNano, maxDurationNano };
  return {
    tenant,
    range,
    query: fields.query === '' ? tagSearch : readSearchQuery(fields.query, limits),
    limit,
    // Tempo takes 0 for the default, not for all.
    spansPerSpanSet: spansPerSpanSet === 0 ? limits.spansPerSpanSetDefault : spansPerSpanSet,
    sort,
    totals,
  };
}

function readSearchQuery(text: string, limits: QueryLimits): Query {
  refuseLongQuery(text, limits);
  return inContext('invalid TraceQL query: ', () => {
    const query = parseQuery(text);
    checkQuery(query);
    return query;
  });
}

/** @throws RubatoError when the text is longer than the tenant may send. */
export function refuseLongQuery(text: string, limits: QueryLimits): void {
  if (limits.queryBytesMax === 0 || Buffer.byteLength(text) <= limits.queryBytesMax) return;
  throw invalid(
    'query_too_long',
    `TraceQL expression exceeds the configured maximum size of ${limits.queryBytesMax} bytes, ` +
      'reduce the query expression size or contact your system administrator',
  );
}

/** The oldest form of a search: without query, tags and time range, every other parameter is a tag. */
function loneTags(params: QueryParams): TagPair[] {
  if (params.get('start') !== undefined || params.get('end') !== undefined) return [];
  const tags = params.entries().filter(([name, value]) => !known.has(name) && value !== '');
  return tags.map(([key, value]) => ({ key, value }));
}

function readDuration(params: QueryParams, name: string): number {
  const text = params.get(name);
  return text === undefined
    ? 0
    : Math.max(
        0,
        inContext(`invalid ${name}: `, () => parseGoDuration(text)),
      );
}

function readSort(params: QueryParams): SearchSort {
  const text = params.get('sort');
  if (text === undefined) return 'start';
  const sort = SearchSorts.find((candidate) => candidate === text);
  if (sort === undefined)
    throw invalid('bad_search', `invalid sort: ${quoted(text)} is none of ${SearchSorts.join(', ')}`);
  return sort;
}
