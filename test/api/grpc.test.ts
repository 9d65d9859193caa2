import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { systemClock } from '../../src/base/clock.ts';
import { ErrorKind, RubatoError } from '../../src/base/errors.ts';
import { Engine } from '../../src/query/engine.ts';
import type { QueryCost, QueryEngine, SearchResult, TraceResult } from '../../src/traceql/result.ts';
import type { Fragment } from '../../src/traceql/storage.ts';
import { fixedStorage } from '../conformance/in-process.ts';
import type { TestApiOptions } from './api-server.ts';
import { fragmentOf } from './api-server.ts';
import { type GrpcClient, type Message, merged } from './grpc-client.ts';
import { type GrpcTestApi, startGrpcTestApi } from './grpc-server.ts';
import { otlpOf, type TestSpan } from './spans.ts';

const querier = 'tempopb.StreamingQuerier';
const startMs = 1_700_000_000_000;
const minuteMs = 60_000;
const fragmentCount = 5;

/** One fragment a minute, so that intervals become complete one after the other. */
function spansOf(fragment: number): TestSpan[] {
  return Array.from({ length: 12 }, (_, number) => ({
    trace: fragment * 100 + Math.floor(number / 2) + 1,
    span: fragment * 100 + number + 1,
    ...(number % 2 === 1 && { parent: fragment * 100 + number }),
    service: number % 2 === 0 ? 'shop' : 'bank',
    name: `op ${number % 3}`,
    startMs: startMs + fragment * minuteMs + number * 1000,
    durationMs: 10 + number,
    error: number % 5 === 0,
    attributes: { 'http.status': 200 + number, ratio: number / 4, ok: number % 2 === 0, user: `user ${number}` },
  }));
}

function slowed(fragment: Fragment, delayMs: number): Fragment {
  return new Proxy(fragment, {
    get(target, name) {
      if (name === 'load')
        return async (...given: Parameters<Fragment['load']>) => {
          await sleep(delayMs);
          return target.load(...given);
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function engineOver(fragments: readonly Fragment[]): Engine {
  return new Engine({
    storage: fixedStorage(fragments),
    clock: systemClock,
    defaults: { budget: { memoryBytesMax: 256 * 1024 * 1024 }, cacheBytesMax: 0 },
  });
}

const fragments = Array.from({ length: fragmentCount }, (_, index) => fragmentOf(otlpOf(spansOf(index))));
const fast = engineOver(fragments);
/** Searches read it fragment after fragment; metrics read all at once, so each waits for itself. */
const slow = engineOver(fragments.map((fragment, index) => slowed(fragment, 200 * (index + 1))));
const seconds = { start: startMs / 1000 - 60, end: startMs / 1000 + fragmentCount * 60 };
const nano = { start: `${seconds.start}000000000`, end: `${seconds.end}000000000` };
const inUrl = `start=${seconds.start}&end=${seconds.end}`;

let api: GrpcTestApi;
let client: GrpcClient;
before(async () => {
  api = await startGrpcTestApi({ ports: { engine: fast } });
  client = api.client(querier);
});
after(() => api.close());

async function getJson(path: string, from = api): Promise<Record<string, Message[]>> {
  const answer = await fetch(from.url + path);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Record<string, Message[]>;
}

const last = (messages: readonly { message: Message }[]): Message => messages.at(-1)!.message;

test('a fast query is one message, and it is what HTTP answers', async () => {
  const query = '{ .user =~ "user .*" } | select(.ratio, .ok, .http.status, kind)';
  const found = await client.stream('Search', { Query: query, ...seconds, Limit: 7, SpansPerSpanSet: 2 });
  const http = await getJson(`/api/search?q=${encodeURIComponent(query)}&${inUrl}&limit=7&spss=2`);
  assert.equal(found.length, 1);
  assert.equal(http['traces']!.length, 7);
  assert.deepEqual(last(found), http);

  const tags = await client.stream('SearchTags', { scope: 'span', ...seconds });
  assert.deepEqual(last(tags), await getJson(`/api/search/tags?scope=span&${inUrl}`));
  const scopes = await client.stream('SearchTagsV2', { ...seconds, query: '{ .ok = true }' });
  assert.deepEqual(last(scopes), await getJson(`/api/v2/search/tags?q=%7B.ok=true%7D&${inUrl}`));
  const values = await client.stream('SearchTagValues', { tagName: 'user', ...seconds, maxTagValues: 5 });
  assert.deepEqual(last(values), await getJson(`/api/search/tag/user/values?limit=5&${inUrl}`));
  const typed = await client.stream('SearchTagValuesV2', {
    tagName: '.http.status',
    ...seconds,
    query: '{ .ok = true }',
  });
  assert.deepEqual(last(typed), await getJson(`/api/v2/search/tag/.http.status/values?q=%7B.ok=true%7D&${inUrl}`));
});

test('a search by tags is the one of HTTP', async () => {
  const found = await client.stream('Search', { Tags: { 'service.name': 'shop' }, MinDurationMs: 12, ...seconds });
  const http = await getJson(`/api/search?tags=service.name%3Dshop&minDuration=12ms&${inUrl}`);
  assert.ok(http['traces']!.length > 0);
  assert.deepEqual(last(found), http);
});

test('metrics are those of HTTP', async () => {
  for (const query of ['{} | rate() by (resource.service.name)', '{} | quantile_over_time(duration, .5, .9)']) {
    const q = encodeURIComponent(query);
    const range = await client.stream('MetricsQueryRange', { query, ...nano, step: '30000000000' });
    assert.deepEqual(last(range), await getJson(`/api/metrics/query_range?q=${q}&${inUrl}&step=30s`));
    const instant = await client.stream('MetricsQueryInstant', { query, ...nano });
    assert.deepEqual(last(instant), await getJson(`/api/metrics/query?q=${q}&${inUrl}`));
  }
});

async function slowApi(context: TestContext): Promise<GrpcTestApi> {
  const started = await startGrpcTestApi({ ports: { engine: slow } });
  context.after(() => started.close());
  return started;
}

test('a slow search tells what is new, and the whole at the end', async (context) => {
  const started = await slowApi(context);
  const messages = await started
    .client(querier)
    .stream('Search', { Query: '{ name = "op 1" }', ...seconds, Limit: 100 });
  const { traces } = await getJson(`/api/search?q=%7Bname%3D%22op%201%22%7D&${inUrl}&limit=100`);
  assert.ok(messages.length >= 3, `${messages.length} messages`);
  const parts = messages.slice(0, -1).map(({ message }) => (message['traces'] ?? []) as Message[]);
  assert.ok(parts[0]!.length > 0);
  const ids = parts.flat().map((trace) => trace['traceID']);
  assert.equal(new Set(ids).size, ids.length, 'a trace that has not changed is not told again');
  assert.deepEqual(last(messages)['traces'], traces);
  const byId = (trace: Message) => trace['traceID'];
  assert.deepEqual(new Set(merged(messages, 'traces', byId)), new Set(traces));
});

test('a slow metrics query gives samples once nothing can be added to them', async (context) => {
  const started = await slowApi(context);
  const query = '{} | count_over_time() by (name)';
  const request = { query, ...nano, step: `${minuteMs}000000` };
  const messages = await started.client(querier).stream('MetricsQueryRange', request);
  const whole = last(messages);
  const q = encodeURIComponent(query);
  assert.deepEqual(whole['series'], (await getJson(`/api/metrics/query_range?q=${q}&${inUrl}&step=60s`))['series']);
  type Sample = { timestampMs: string; value?: number };
  const valueAt = (message: Message) =>
    ((message['series'] ?? []) as { labels: unknown; samples: Sample[] }[]).flatMap(({ labels, samples }) =>
      samples.map(({ timestampMs, value }) => [JSON.stringify([labels, timestampMs]), value ?? 0] as const),
    );
  const final = new Map(valueAt(whole));
  const parts = messages.slice(0, -1).flatMap(({ message }) => valueAt(message));
  assert.ok(parts.length > 0 && parts.some(([, value]) => value > 0));
  assert.equal(new Map(parts).size, parts.length, 'no sample is told twice');
  for (const [key, value] of parts) assert.equal(value, final.get(key));
});

const cost: QueryCost = {
  inspectedTraces: 1,
  inspectedSpans: 2,
  inspectedBytes: 3,
  requests: 0,
  pages: 0,
  totalBlocks: 1,
  totalBlockBytes: 0,
  totalJobs: 1,
  completedJobs: 1,
  milliseconds: {},
};

function traceOf(number: number, name = 'x'): TraceResult {
  return {
    traceId: number.toString(16).padStart(32, '0'),
    rootServiceName: 's',
    rootTraceName: name,
    startUnixNano: 1n,
    durationNano: 1e6,
    spanSets: [],
    serviceStats: [],
  };
}

async function withSearch(
  context: TestContext,
  search: QueryEngine['search'],
  given: TestApiOptions = {},
): Promise<GrpcTestApi> {
  const engine: QueryEngine = {
    search,
    metrics: () => assert.fail(),
    tagNames: () => assert.fail(),
    tagValues: () => assert.fail(),
    serviceGraph: () => assert.fail(),
    version: () => assert.fail(),
  };
  const started = await startGrpcTestApi({ ...given, ports: { engine, ...given.ports } });
  context.after(() => started.close());
  return started;
}

test('parts come at most every half second, however often the engine has some', async (context) => {
  const started = await withSearch(context, async (_request, _signal, onPartial) => {
    const traces: TraceResult[] = [];
    for (let number = 1; number <= 26; number++) {
      await sleep(50);
      traces.push(traceOf(number));
      onPartial?.({ traces: [...traces], cost });
    }
    return { traces, cost };
  });
  const messages = await started.client(querier).stream('Search', { Query: '{}' });
  const times = messages.map(({ atMs }) => atMs);
  assert.ok(messages.length >= 3 && messages.length <= times.at(-1)! / 500 + 1, `messages at ${times} ms`);
  assert.ok(times[0]! > 490 && times[1]! > 980, `messages at ${times} ms`);
  const counts = messages.map(({ message }) => (message['traces'] as Message[]).length);
  assert.equal(counts.at(-1), 26);
  assert.ok(counts[0]! + counts[1]! <= 25, 'parts hold news only');
});

test('a large answer is cut into packets of 2 MiB', async (context) => {
  const traces = Array.from({ length: 3000 }, (_, number) => traceOf(number + 1, 'n'.repeat(2000)));
  const started = await withSearch(context, async () => ({ traces, cost }));
  const messages = await started.client(querier).stream('Search', { Query: '{}' });
  assert.equal(messages.length, 3);
  assert.deepEqual(
    messages.flatMap(({ message }) => (message['traces'] as Message[]).map((trace) => trace['traceID'])),
    traces.map(({ traceId }) => traceId.replace(/^0+/, '')),
  );
  for (const { message } of messages) assert.equal((message['metrics'] as Message)['inspectedBytes'], '3');
});

async function statusOf(call: Promise<unknown>): Promise<{ code: number; text: string }> {
  const error = await call.then(
    () => assert.fail('the call succeeded'),
    (thrown: grpc.ServiceError) => thrown,
  );
  return { code: error.code, text: error.details };
}

test('what is refused is refused in the words of HTTP', async () => {
  const searches: [Message, string][] = [
    [{ Query: '{ nonsense' }, '/api/search?q=%7B%20nonsense'],
    [{ Query: '{}', Tags: { a: 'b' } }, '/api/search?q=%7B%7D&tags=a%3Db'],
    [{ Query: '{}', Limit: 300_000 }, '/api/search?q=%7B%7D&limit=300000'],
    [{ Query: '{}', SpansPerSpanSet: 101 }, '/api/search?q=%7B%7D&spss=101'],
    [{ Query: '{}', start: 10, end: 5 }, '/api/search?q=%7B%7D&start=10&end=5'],
    [{ Query: '{}', start: 10, end: 900_000 }, '/api/search?q=%7B%7D&start=10&end=900000'],
    [{ Query: `{ .a = "${'x'.repeat(140_000)}" }` }, `/api/search?q=${'x'.repeat(140_000)}`],
  ];
  for (const [request, path] of searches.slice(0, -1)) {
    const refused = await statusOf(client.stream('Search', request));
    const answer = await fetch(api.url + path);
    assert.deepEqual(
      [refused, answer.status],
      [{ code: grpc.status.INVALID_ARGUMENT, text: await answer.text() }, 400],
    );
  }
  const tooLong = await statusOf(client.stream('Search', searches.at(-1)![0]));
  assert.match(tooLong.text, /exceeds the configured maximum size of 131072 bytes/);
  const metrics = { query: '{}', ...nano };
  assert.equal((await statusOf(client.stream('MetricsQueryRange', metrics))).text, 'not a metrics query');
  const tag = await statusOf(client.stream('SearchTagValuesV2', { tagName: 'x y', ...seconds }));
  assert.match(tag.text, /^please provide a valid tagName: /);
});

test('failures have the codes that clients of Tempo know', async (context) => {
  const failures: [Error, number, string][] = [
    [new RubatoError(ErrorKind.exhausted, 'budget', 'too much'), grpc.status.RESOURCE_EXHAUSTED, 'too much'],
    [new RubatoError(ErrorKind.notFound, 'none', 'none'), grpc.status.NOT_FOUND, 'none'],
    [new RubatoError(ErrorKind.unavailable, 'store', 'no store'), grpc.status.INTERNAL, 'no store'],
    [new Error('secret'), grpc.status.INTERNAL, 'internal error'],
  ];
  let failure: Error | undefined;
  const started = await withSearch(context, async () => {
    throw failure!;
  });
  for (const [error, code, text] of failures) {
    failure = error;
    assert.deepEqual(await statusOf(started.client(querier).stream('Search', { Query: '{}' })), { code, text });
  }
  assert.deepEqual(started.errors, [failure]);
});

test('the tenant comes with the call', async (context) => {
  const tenants: string[] = [];
  const started = await withSearch(
    context,
    async ({ tenant }) => {
      tenants.push(tenant);
      return { traces: [], cost };
    },
    { options: { multitenancy: true } },
  );
  const search = (orgId?: string) =>
    started
      .client(querier)
      .stream('Search', { Query: '{}' }, orgId === undefined ? {} : { metadata: { 'x-scope-orgid': orgId } });
  await search('b|a');
  await search('shop:region=eu');
  assert.deepEqual(tenants, ['a|b', 'shop']);
  assert.deepEqual(await statusOf(search()), { code: grpc.status.UNKNOWN, text: 'no org id' });
  assert.equal((await statusOf(search('a/b'))).code, grpc.status.INVALID_ARGUMENT);
});

/** A search that runs until it is told to stop. */
function endless() {
  const stopped = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const search: QueryEngine['search'] = (_request, signal) =>
    new Promise<SearchResult>((_, reject) => {
      began.resolve();
      signal.addEventListener('abort', () => {
        stopped.resolve();
        reject(signal.reason);
      });
    });
  return { search, began: began.promise, stopped: stopped.promise };
}

test('a query stops when its client cancels or its deadline passes', async (context) => {
  const canceled = endless();
  const first = await withSearch(context, canceled.search);
  const leave = new AbortController();
  const call = statusOf(first.client(querier).stream('Search', { Query: '{}' }, { signal: leave.signal }));
  await canceled.began;
  leave.abort();
  assert.equal((await call).code, grpc.status.CANCELLED);
  await canceled.stopped;

  const late = endless();
  const second = await withSearch(context, late.search);
  const timed = statusOf(second.client(querier).stream('Search', { Query: '{}' }, { deadlineMs: 100 }));
  assert.equal((await timed).code, grpc.status.DEADLINE_EXCEEDED);
  await late.stopped;

  const slowQuery = endless();
  const third = await withSearch(context, slowQuery.search, { options: { apiTimeoutMs: 50 } });
  assert.deepEqual(await statusOf(third.client(querier).stream('Search', { Query: '{}' })), {
    code: grpc.status.INTERNAL,
    text: 'unable to process request in the configured timeout',
  });
  await slowQuery.stopped;
  assert.deepEqual([first.errors, second.errors, third.errors], [[], [], []]);
});

test('health is told, and watched', async (context) => {
  let ready = false;
  const { status } = api.ports;
  const started = await startGrpcTestApi({
    ports: { status: { ...status, readiness: () => ({ ready, reason: '' }) } },
  });
  context.after(() => started.close());
  const health = started.client('grpc.health.v1.Health');
  assert.deepEqual(await health.unary('Check', {}), { status: 'NOT_SERVING' });
  const leave = new AbortController();
  context.after(() => leave.abort());
  ready = true;
  assert.deepEqual(await health.unary('Check', { service: querier }), { status: 'SERVING' });
  assert.equal((await statusOf(health.unary('Check', { service: 'x' }))).code, grpc.status.NOT_FOUND);
  const watching = statusOf(health.stream('Watch', {}));
  await sleep(50);
  await started.close();
  assert.equal((await watching).code, grpc.status.UNAVAILABLE);
});

test('reflection lists the services and gives their files with what these import', async () => {
  for (const version of ['v1', 'v1alpha']) {
    const reflection = api.client(`grpc.reflection.${version}.ServerReflection`);
    const list = await reflection.exchange('ServerReflectionInfo', { listServices: '' });
    const { service } = list['listServicesResponse'] as { service: { name: string }[] };
    assert.ok(service.some(({ name }) => name === querier));
    for (const ask of [
      { fileContainingSymbol: querier },
      { fileContainingSymbol: `${querier}.Search` },
      { fileByFilename: 'tempopb.proto' },
    ]) {
      const answer = await reflection.exchange('ServerReflectionInfo', ask);
      const { fileDescriptorProto } = answer['fileDescriptorResponse'] as { fileDescriptorProto: string[] };
      const files = fileDescriptorProto.map((file) => Buffer.from(file, 'base64').toString('latin1'));
      assert.ok(files[0]!.includes('StreamingQuerier') && files.some((file) => file.includes('SPAN_KIND_CLIENT')));
    }
    const missing = await reflection.exchange('ServerReflectionInfo', { fileContainingSymbol: 'no.Such' });
    assert.deepEqual(missing['errorResponse'], { errorCode: 5, errorMessage: 'not found: no.Such' });
  }
});

test('calls that nobody answers and codecs that nobody speaks are turned away', async (context) => {
  const session = http2.connect(api.url);
  context.after(() => session.destroy());
  const call = (path: string, contentType: string) =>
    new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': contentType });
      stream.on('response', resolve).on('error', reject);
      stream.end(Buffer.alloc(5));
      stream.resume();
    });
  assert.equal((await call('/a.B/C', 'application/grpc'))['grpc-status'], '12');
  assert.equal((await call(`/${querier}/Search`, 'application/grpc+json'))[':status'], 415);
  assert.equal((await call(`/${querier}/Search`, 'application/grpc-web+proto'))[':status'], 415);
});
