/**
 * Names and values of tags. Without a filter they come from what fragments say about their columns: names without any
 * reading, values from dictionaries. With a filter, from the rows of spans that match it.
 *
 * A fragment's columns may name what only its hidden traces have; these traces are read elsewhere in the same snapshot,
 * so nothing is listed that does not exist.
 */

import { throwIfAborted } from '../../base/abort.ts';
import type { LruCache } from '../../base/lru-cache.ts';
import { canonical } from '../../traceql/canonical.ts';
import type {
  QueryCost,
  TagNamesRequest,
  TagNamesResult,
  TagScope,
  TagValuesRequest,
  TagValuesResult,
} from '../../traceql/result.ts';
import type { Fragment, ReadCost, TraceStorage } from '../../traceql/storage.ts';
import { compareStrings } from '../expression/index.ts';
import { fragmentKey } from '../fragment-key.ts';
import { concurrentFragments, consumeConcurrently } from '../metrics/concurrently.ts';
import { queryCost, Stopwatch, totalBytes } from '../work.ts';
import { collectNames, columnScopes, type NamesByScope } from './collect-names.ts';
import { collectValues } from './collect-values.ts';
import type { TagContext } from './matching.ts';
import { intrinsicTags, tagOf } from './tag.ts';
import { type TagValue, ValueSet } from './value-set.ts';

export interface TagsContext {
  readonly storage: TraceStorage;
  readonly cache: LruCache;
  /** See TagContext. */
  pause(): Promise<void> | undefined;
}

/** Names of tags by scope, sorted. Scopes without names are left out; intrinsics are listed when no scope is named. */
export async function runTagNames(
  context: TagsContext,
  request: TagNamesRequest,
  signal: AbortSignal,
): Promise<TagNamesResult> {
  const { scope, filter, limit, maxBytes } = request;
  const query = await open(context, request, signal);
  const scopes = columnScopes.filter((one) => scope === undefined || scope === one);
  const names: NamesByScope = new Map(scopes.map((one) => [one, new Set<string>()]));
  if (scopes.length > 0) {
    await consumeConcurrently(query.fragments, concurrentFragments, (fragment) =>
      collectNames(fragment, request.range, filter, names, query.evaluation),
    );
  }
  const found: { name: TagScope; tags: readonly string[] }[] = [];
  let bytesLeft = maxBytes > 0 ? maxBytes : Number.POSITIVE_INFINITY;
  const add = (name: TagScope, all: readonly string[]): void => {
    const tags: string[] = [];
    for (const tag of all) {
      if (limit > 0 && tags.length === limit) break;
      bytesLeft -= Buffer.byteLength(tag);
      if (bytesLeft < 0) break;
      tags.push(tag);
    }
    if (tags.length > 0) found.push({ name, tags });
  };
  for (const [name, tags] of names) add(name, [...tags].sort(compareStrings));
  if (scope === undefined || scope === 'intrinsic') add('intrinsic', intrinsicTags);
  return { scopes: found, cost: query.cost() };
}

/** Values of one tag, sorted. */
export async function runTagValues(
  context: TagsContext,
  request: TagValuesRequest,
  signal: AbortSignal,
): Promise<TagValuesResult> {
  const { limit, maxBytes, filter } = request;
  const query = await open(context, request, signal);
  const tag = tagOf(request.tag);
  if ('values' in tag) {
    const values = new ValueSet(maxBytes);
    for (const { type, value } of tag.values) values.add(type, value);
    return { values: values.sorted(limit), cost: query.cost() };
  }
  // A time range cuts what a filter sees, so it is part of what was asked.
  const range = filter === undefined ? undefined : request.range;
  const asked = canonical([tag.ref, filter?.pipeline, range, limit, maxBytes]);
  const key = `tag values ${asked} ${query.key}`;
  const known = context.cache.get(key) as readonly TagValue[] | undefined;
  if (known !== undefined) return { values: known, cost: query.cost() };

  const values = new ValueSet(maxBytes);
  await consumeConcurrently(query.fragments, concurrentFragments, async (fragment) => {
    if (!values.isFull) await collectValues(fragment, tag.ref, request.range, filter, values, query.evaluation);
  });
  const sorted = values.sorted(limit);
  context.cache.set(key, sorted, valuesBytes(sorted));
  return { values: sorted, cost: query.cost() };
}

function valuesBytes(values: readonly TagValue[]): number {
  let bytes = 64;
  for (const { value } of values) bytes += 80 + value.length * 2;
  return bytes;
}

interface OpenQuery {
  readonly fragments: Fragment[];
  readonly key: string;
  readonly evaluation: TagContext;
  cost(): QueryCost;
}

/** Only the array holds the fragments: what one has read goes when it is taken out. */
async function open(
  context: TagsContext,
  { tenant, range }: Pick<TagNamesRequest, 'tenant' | 'range'>,
  signal: AbortSignal,
): Promise<OpenQuery> {
  throwIfAborted(signal);
  const watch = new Stopwatch();
  const read: ReadCost = { requests: 0, bytes: 0, pages: 0 };
  const snapshot = await context.storage.snapshot({ tenant, ...range }, read, signal);
  const jobs = snapshot.fragments.length;
  const blocks = { totalBlocks: snapshot.blockCount, totalBlockBytes: totalBytes(snapshot) };
  watch.lap('plan');
  return {
    fragments: [...snapshot.fragments],
    key: snapshot.fragments.map(fragmentKey).join('|'),
    evaluation: { cost: read, signal, pause: context.pause },
    cost: () => {
      watch.lap('evaluate');
      const progress = { inspectedTraces: 0, inspectedSpans: 0, totalJobs: jobs, completedJobs: jobs };
      return queryCost(blocks, read, progress, watch.milliseconds);
    },
  };
}
