/**
 * tempopb.StreamingQuerier. A call that takes long gives what changed since it last did, twice a second; the last
 * messages are the whole answer, the same that HTTP gives. Clients merge by key, so a part never holds what a later one
 * would have to take back: samples are held back until nothing can be added to their interval.
 */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { MetricsResult, SearchResult, TagNamesResult } from '../../traceql/result.ts';
import { metricsProto } from '../encode/metrics.ts';
import { searchProto } from '../encode/search.ts';
import { scopedTagNamesProto, tagNamesProto, tagValuesProto, typedTagValuesProto } from '../encode/tags.ts';
import {
  QueryInstantResponseSchema,
  QueryRangeResponseSchema,
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
  type StreamingQuerier,
} from '../generated/tempopb_pb.ts';
import { paced } from '../paced.ts';
import type { ApiPorts } from '../ports.ts';
import { instantRequest, rangeRequest } from '../requests/metrics-request.ts';
import { searchRequest } from '../requests/search-request.ts';
import { plainTagValuesRequest, tagNamesRequest, tagValuesRequest } from '../requests/tag-requests.ts';
import type { GrpcCall, TenantCalls } from './call.ts';
import { encodedMessage } from './encoded.ts';
import { ChangedItems, type EncodedAnswer, packets, splitAnswer } from './packets.ts';
import { instantFields, rangeFields, searchFields, tagNameFields, tagValueFields } from './requests.ts';

/** Least time between two parts of an answer. */
const partIntervalMs = 500;
/** Tempo's default; the smallest limit that clients have is 4 MiB. */
const defaultPacketBytesMax = 2 * 1024 * 1024;

export function streamingQuerier(
  ports: ApiPorts,
  calls: TenantCalls,
  packetBytesMax = defaultPacketBytesMax,
): ServiceImpl<typeof StreamingQuerier> {
  const { engine, clock } = ports;

  function* messages<Desc extends DescMessage>(schema: Desc, answer: EncodedAnswer): Generator<MessageShape<Desc>> {
    for (const packet of packets(answer, packetBytesMax)) yield encodedMessage(schema, packet);
  }

  async function* search(fields: Parameters<typeof searchFields>[0], { tenant, limits, nowMs, signal }: GrpcCall) {
    const request = searchRequest(tenant, searchFields(fields, limits, nowMs), limits);
    const changed = new ChangedItems();
    for await (const { result, final } of paced<SearchResult>(
      (onPartial) => engine.search(request, signal, onPartial),
      clock,
      partIntervalMs,
    )) {
      const answer = splitAnswer(searchProto(result, limits.leftPadTraceIds));
      yield* messages(SearchResponseSchema, final ? answer : changed.of(answer));
    }
  }

  async function* metricsRange(fields: Parameters<typeof rangeFields>[0], { tenant, limits, nowMs, signal }: GrpcCall) {
    const request = rangeRequest(tenant, rangeFields(fields, nowMs), limits);
    const given = new Set<number>();
    for await (const { result, final } of paced<MetricsResult>(
      (onPartial) => engine.metrics(request, signal, onPartial),
      clock,
      partIntervalMs,
    )) {
      const shown = final ? result : newSamples(result, given);
      const answer = metricsProto(shown, { instant: false, seriesMax: request.maxSeries });
      yield* messages(QueryRangeResponseSchema, splitAnswer(answer));
    }
  }

  async function* metricsInstant(
    fields: Parameters<typeof instantFields>[0],
    { tenant, limits, nowMs, signal }: GrpcCall,
  ) {
    const request = instantRequest(tenant, instantFields(fields, nowMs), limits);
    const changed = new ChangedItems();
    for await (const { result, final } of paced<MetricsResult>(
      (onPartial) => engine.metrics(request, signal, onPartial),
      clock,
      partIntervalMs,
    )) {
      const answer = splitAnswer(metricsProto(result, { instant: true, seriesMax: request.maxSeries }));
      yield* messages(QueryInstantResponseSchema, final ? answer : changed.of(answer));
    }
  }

  return {
    search: (message, context) => calls.stream(context, (call) => search(message, call)),
    metricsQueryRange: (message, context) => calls.stream(context, (call) => metricsRange(message, call)),
    metricsQueryInstant: (message, context) => calls.stream(context, (call) => metricsInstant(message, call)),
    searchTags: (message, context) =>
      calls.stream(context, async function* ({ tenant, limits, nowMs, signal }) {
        const fields = { ...tagNameFields(message, limits, nowMs), filter: '' };
        const request = tagNamesRequest(tenant, message.scope, fields, limits);
        const { scopes, cost } = await engine.tagNames(request, signal);
        const shown = request.scope === 'intrinsic' ? scopes : scopes.filter(({ name }) => name !== 'intrinsic');
        const names = [...new Set(shown.flatMap((scope) => scope.tags))].sort();
        yield* messages(SearchTagsResponseSchema, splitAnswer(tagNamesProto(names, cost)));
      }),
    searchTagsV2: (message, context) =>
      calls.stream(context, async function* ({ tenant, limits, nowMs, signal }) {
        const fields = tagNameFields(message, limits, nowMs);
        const request = tagNamesRequest(tenant, message.scope, fields, limits);
        const result = await engine.tagNames(request, signal);
        const answer = scopedTagNamesProto(withSmallScopes(result));
        yield* messages(SearchTagsV2ResponseSchema, splitAnswer(answer));
      }),
    searchTagValues: (message, context) =>
      calls.stream(context, async function* ({ tenant, limits, nowMs, signal }) {
        const fields = tagValueFields(message, limits, nowMs);
        const request = plainTagValuesRequest(tenant, message.tagName, fields, limits);
        const { values, cost } = await engine.tagValues(request, signal);
        const texts = [...new Set(values.map(({ value }) => value))];
        yield* messages(SearchTagValuesResponseSchema, splitAnswer(tagValuesProto(texts, cost)));
      }),
    searchTagValuesV2: (message, context) =>
      calls.stream(context, async function* ({ tenant, limits, nowMs, signal }) {
        const fields = tagValueFields(message, limits, nowMs);
        const request = tagValuesRequest(tenant, message.tagName, fields, limits);
        const result = await engine.tagValues(request, signal);
        yield* messages(SearchTagValuesV2ResponseSchema, splitAnswer(typedTagValuesProto(result)));
      }),
  };
}

/** Samples of intervals that are complete by now and were not given before, which `given` remembers. */
function newSamples(partial: MetricsResult, given: Set<number>): MetricsResult {
  const fresh = new Set(partial.completeMs?.filter((timestampMs) => !given.has(timestampMs)));
  for (const timestampMs of fresh) given.add(timestampMs);
  if (fresh.size === 0) return { ...partial, series: [] };
  const series = partial.series.map(({ labels, timestampsMs, values }) => {
    const kept = [...timestampsMs.keys()].filter((index) => fresh.has(timestampsMs[index]!));
    return {
      labels,
      timestampsMs: kept.map((index) => timestampsMs[index]!),
      values: kept.map((index) => values[index]!),
      exemplars: [],
    };
  });
  return { ...partial, series: series.filter(({ values }) => values.length > 0) };
}

/** Names of one scope that go into one item, so that no item outgrows a packet. */
const namesPerItem = 1000;

function withSmallScopes(result: TagNamesResult): TagNamesResult {
  const scopes = result.scopes.flatMap(({ name, tags }) => {
    const pieces = Array.from({ length: Math.ceil(tags.length / namesPerItem) }, (_, piece) =>
      tags.slice(piece * namesPerItem, (piece + 1) * namesPerItem),
    );
    return pieces.map((piece) => ({ name, tags: piece }));
  });
  return { ...result, scopes };
}
