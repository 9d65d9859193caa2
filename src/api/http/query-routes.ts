/** Search, tags and metrics: parameters in, engine, encoded answer out. */

import type { SearchRequest, SearchResult } from '../../traceql/result.ts';
import { metricsJson, metricsProto } from '../encode/metrics.ts';
import { searchJson, searchProto } from '../encode/search.ts';
import {
  scopedTagNamesJson,
  scopedTagNamesProto,
  tagNamesJson,
  tagNamesProto,
  tagValuesJson,
  tagValuesProto,
  typedTagValuesJson,
  typedTagValuesProto,
} from '../encode/tags.ts';
import { paced } from '../paced.ts';
import type { ApiPorts } from '../ports.ts';
import { instantRequest, rangeRequest, readMetricsFields } from '../requests/metrics-request.ts';
import { readSearchFields, searchRequest } from '../requests/search-request.ts';
import { plainTagValuesRequest, readTagFields, tagNamesRequest, tagValuesRequest } from '../requests/tag-requests.ts';
import type { AnswerCache } from './answer-cache.ts';
import { errorReply } from './errors.ts';
import { jsonType, protobufType, type Reply } from './reply.ts';
import type { Route, TenantCall } from './route.ts';

export function queryRoutes(ports: ApiPorts, answers: AnswerCache): Route[] {
  const route = (path: string, handle: (call: TenantCall) => Promise<Reply>): Route => ({
    path,
    prefixed: true,
    access: 'tenant',
    role: 'read',
    handle,
  });
  return [
    route('/api/search', (call) => search(ports, answers, call)),
    route('/api/search/tags', (call) => tagNames(ports, answers, call)),
    route('/api/v2/search/tags', (call) => scopedTagNames(ports, answers, call)),
    route('/api/search/tag/{tagName:.*}/values', (call) => tagValues(ports, answers, call)),
    route('/api/v2/search/tag/{tagName:.*}/values', (call) => typedTagValues(ports, answers, call)),
    route('/api/metrics/query_range', (call) => metrics(ports, answers, call, false)),
    route('/api/metrics/query', (call) => metrics(ports, answers, call, true)),
  ];
}

async function search(ports: ApiPorts, answers: AnswerCache, call: TenantCall): Promise<Reply> {
  const { params, limits, signal } = call;
  const fields = readSearchFields(params, limits, ports.clock.nowMs());
  const request = searchRequest(call.tenant, fields, limits);
  if (params.flag('stream')) return streamedSearch(ports, call, request);
  const explain = params.flag('explain') ? await ports.explain?.(request, signal) : undefined;
  const { leftPadTraceIds } = limits;
  const encoding = { leftPadTraceIds, withCost: wantsCost(call), explain };
  return answers.reply(call, request, ['search', encoding], async () => {
    const result = await ports.engine.search(request, signal);
    return call.accept === 'protobuf'
      ? protobuf(searchProto(result, leftPadTraceIds))
      : json(searchJson(result, encoding));
  });
}

/** Least time between two lines. */
const lineIntervalMs = 400;

/** What is known so far, as one JSON answer a line. What fails before the first line is an error like any other. */
async function streamedSearch(ports: ApiPorts, call: TenantCall, request: SearchRequest): Promise<Reply> {
  const encoding = { leftPadTraceIds: call.limits.leftPadTraceIds, withCost: wantsCost(call) };
  const parts = paced<SearchResult>(
    (onPartial) => ports.engine.search(request, call.signal, onPartial),
    ports.clock,
    lineIntervalMs,
  );
  const first = await parts.next();
  async function* lines(): AsyncGenerator<Uint8Array> {
    try {
      for (let part = first; part.done !== true; part = await parts.next())
        yield Buffer.concat([searchJson(part.value.result, encoding), newLine]);
    } catch (error) {
      const { body } = errorReply(error);
      yield Buffer.from(`${JSON.stringify({ error: body })}\n`);
    }
  }
  return { contentType: 'application/x-ndjson', headers: { 'cache-control': 'no-store' }, body: lines() };
}

const newLine = Buffer.from('\n');

async function metrics(ports: ApiPorts, answers: AnswerCache, call: TenantCall, instant: boolean): Promise<Reply> {
  const { params, limits, signal } = call;
  const fields = readMetricsFields(params, ports.clock.nowMs());
  const request = (instant ? instantRequest : rangeRequest)(call.tenant, fields, limits);
  const explain = params.flag('explain') ? await ports.explain?.(request, signal) : undefined;
  const encoding = { instant, seriesMax: request.maxSeries, withCost: wantsCost(call), explain };
  return answers.reply(call, request, ['metrics', encoding], async () => {
    const result = await ports.engine.metrics(request, signal);
    return call.accept === 'protobuf' ? protobuf(metricsProto(result, encoding)) : json(metricsJson(result, encoding));
  });
}

/** v1: all scopes together, intrinsics only when asked for. */
async function tagNames(ports: ApiPorts, answers: AnswerCache, call: TenantCall): Promise<Reply> {
  const { params, limits } = call;
  const fields = { ...readTagFields(params, limits, ports.clock.nowMs()), filter: '' };
  const request = tagNamesRequest(call.tenant, params.get('scope') ?? '', fields, limits);
  return answers.reply(call, request, ['tag names', wantsCost(call)], async () => {
    const { scopes, cost } = await ports.engine.tagNames(request, call.signal);
    const shown = request.scope === 'intrinsic' ? scopes : scopes.filter((scope) => scope.name !== 'intrinsic');
    const names = [...new Set(shown.flatMap((scope) => scope.tags))].sort();
    return call.accept === 'protobuf'
      ? protobuf(tagNamesProto(names, cost))
      : json(tagNamesJson(names, cost, wantsCost(call)));
  });
}

async function scopedTagNames(ports: ApiPorts, answers: AnswerCache, call: TenantCall): Promise<Reply> {
  const { params, limits } = call;
  const fields = readTagFields(params, limits, ports.clock.nowMs());
  const request = tagNamesRequest(call.tenant, params.get('scope') ?? '', fields, limits);
  return answers.reply(call, request, ['scoped tag names', wantsCost(call)], async () => {
    const result = await ports.engine.tagNames(request, call.signal);
    return call.accept === 'protobuf'
      ? protobuf(scopedTagNamesProto(result))
      : json(scopedTagNamesJson(result, wantsCost(call)));
  });
}

async function tagValues(ports: ApiPorts, answers: AnswerCache, call: TenantCall): Promise<Reply> {
  const { limits } = call;
  const fields = readTagFields(call.params, limits, ports.clock.nowMs());
  const request = plainTagValuesRequest(call.tenant, call.pathPart, fields, limits);
  return answers.reply(call, request, ['tag values', wantsCost(call)], async () => {
    const { values, cost } = await ports.engine.tagValues(request, call.signal);
    const texts = [...new Set(values.map((value) => value.value))];
    return call.accept === 'protobuf'
      ? protobuf(tagValuesProto(texts, cost))
      : json(tagValuesJson(texts, cost, wantsCost(call)));
  });
}

async function typedTagValues(ports: ApiPorts, answers: AnswerCache, call: TenantCall): Promise<Reply> {
  const { limits } = call;
  const fields = readTagFields(call.params, limits, ports.clock.nowMs());
  const request = tagValuesRequest(call.tenant, call.pathPart, fields, limits);
  return answers.reply(call, request, ['typed tag values', wantsCost(call)], async () => {
    const result = await ports.engine.tagValues(request, call.signal);
    return call.accept === 'protobuf'
      ? protobuf(typedTagValuesProto(result))
      : json(typedTagValuesJson(result, wantsCost(call)));
  });
}

const wantsCost = (call: TenantCall): boolean => call.params.flag('cost');

function json(body: Uint8Array): Reply {
  return { contentType: jsonType, body, compressible: true };
}

function protobuf(body: Uint8Array): Reply {
  return { contentType: protobufType, body, compressible: true };
}
