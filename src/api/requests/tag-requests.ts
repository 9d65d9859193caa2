/** Parameters of tag names and tag values → requests. A limit or a filter that cannot be read is ignored, as Tempo does. */
import { invalid } from '../../base/errors.ts';
import type { Query } from '../../traceql/ast.ts';
import { parseTagFilter } from '../../traceql/lenient.ts';
import { parseAttribute } from '../../traceql/parser.ts';
import {
  type TagNamesRequest,
  type TagScope,
  TagScopes,
  type TagValuesRequest,
  type TimeRange,
} from '../../traceql/result.ts';
import type { QueryLimits } from '../ports.ts';
import { inContext, parseUnsigned, type QueryParams } from './params.ts';
import { refuseLongQuery } from './search-request.ts';
import { tagRange } from './time-range.ts';

/** What was asked, before limits. */
export interface TagFields {
  /** Lenient TraceQL; empty when none was given. */
  readonly filter: string;
  readonly range: TimeRange;
  /** 0 = no limit. */
  readonly limit: number;
}

export function readTagFields(params: QueryParams, limits: QueryLimits, nowMs: number): TagFields {
  return {
    filter: params.get('q') ?? '',
    range: tagRange(params, limits.searchDurationMaxMs, nowMs),
    limit: readLimit(params.get('limit')),
  };
}

/** `scope`: a name, or empty or `none` for all. @throws RubatoError of kind `invalid` */
export function tagNamesRequest(
  tenant: string,
  scope: string,
  fields: TagFields,
  limits: QueryLimits,
): TagNamesRequest {
  const chosen = scope === '' || scope === 'none' ? undefined : readScope(scope);
  const filter = readFilter(fields.filter, limits);
  return {
    tenant,
    range: fields.range,
    ...(chosen && { scope: chosen }),
    ...(filter && { filter }),
    limit: fields.limit,
    maxBytes: limits.tagBytesMax,
  };
}

/** `tag`: a TraceQL identifier. @throws RubatoError of kind `invalid` */
export function tagValuesRequest(
  tenant: string,
  tag: string,
  fields: TagFields,
  limits: QueryLimits,
): TagValuesRequest {
  const filter = readFilter(fields.filter, limits);
  return {
    tenant,
    range: fields.range,
    tag: inContext('please provide a valid tagName: ', () => parseAttribute(tag)),
    ...(filter && { filter }),
    limit: fields.limit,
    maxBytes: limits.tagBytesMax,
  };
}

/** `tag`: a name without scope; v1 knows no filter. @throws RubatoError of kind `invalid` */
export function plainTagValuesRequest(
  tenant: string,
  tag: string,
  fields: TagFields,
  limits: QueryLimits,
): TagValuesRequest {
  if (tag === '') throw invalid('bad_tag', 'please provide a non-empty tagName');
  return { tenant, range: fields.range, tag, limit: fields.limit, maxBytes: limits.tagBytesMax };
}

function readScope(scope: string): TagScope {
  const known = TagScopes.find((candidate) => candidate === scope);
  if (known === undefined) throw invalid('bad_scope', `invalid scope: ${scope.slice(0, 100)}`);
  return known;
}

function readFilter(text: string, limits: QueryLimits): Query | undefined {
  if (text === '') return undefined;
  refuseLongQuery(text, limits);
  return parseTagFilter(text);
}

function readLimit(text: string | undefined): number {
  try {
    return Number(parseUnsigned(text ?? '0', 32));
  } catch {
    return 0;
  }
}
