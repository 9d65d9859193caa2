/** The service graph over live tables, blocks and torn traces, against a count over plain spans that knows nothing of rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LruCache } from '../../src/base/lru-cache.ts';
import { SeededRng } from '../../src/base/random.ts';
import { type PlainSpan, plainResource, plainSpan } from '../../src/model/plain-span.ts';
import type { MetricsContext } from '../../src/query/metrics/run-metrics.ts';
import { runServiceGraph } from '../../src/query/service-graph/run-service-graph.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import type { ServiceGraphRequest, ServiceGraphResult } from '../../src/traceql/service-graph.ts';
import type { TraceStorage } from '../../src/traceql/storage.ts';
import { startTestApi } from '../api/api-server.ts';
import { deal, storedSpans, tenant } from './stored-spans.ts';

const base = 1_700_000_000_000_000_000n;
const hour = 3_600_000_000_000n;
const { signal } = new AbortController();

const text = (key: string, value: string) => ({ key, value: { type: 'string' as const, value } });
const resources = ['shop', 'bank', 'vault', ''].map((name) =>
  plainResource({ attributes: name === '' ? [] : [text('service.name', name)] }),
);
/** Attributes of calls whose other side may be missing; the last two name services that have spans, or nobody. */
const peers = [
  [text('db.system', 'redis')],
  [text('db.system.name', 'postgresql'), text('db.namespace', 'orders'), text('server.address', 'pg-1')],
  [text('messaging.system', 'kafka'), text('messaging.destination.name', 'mails')],
  [text('server.address', 'api.example.com')],
  [text('peer.service', 'bank')],
  [],
];

interface Shape {
  readonly seed: number;
  readonly traces: number;
}

function makeSpans({ seed, traces }: Shape): PlainSpan[] {
  const rng = new SeededRng(seed);
  const below = (n: number): number => rng.uint32() % n;
  const spans: PlainSpan[] = [];
  for (let t = 0; t < traces; t++) {
    const traceId = (t + 1).toString(16).padStart(32, '0');
    const start = base + BigInt(below(3600)) * 1_000_000_000n;
    const count = 1 + below(10);
    for (let s = 0; s < count; s++) {
      // Some traces have a second root, some spans a parent that nobody sent.
      const parent = s === 0 || below(20) === 0 ? '' : id(below(15) === 0 ? 999 : 1 + below(s));
      const startTimeUnixNano = start + BigInt(below(1000)) * 1_000_000n;
      spans.push(
        plainSpan({
          traceId,
          spanId: id(s + 1),
          parentSpanId: parent,
          kind: below(6),
          statusCode: below(4) === 0 ? 2 : 0,
          startTimeUnixNano,
          endTimeUnixNano: startTimeUnixNano + BigInt(1 + below(1 << 30)),
          attributes: peers[below(peers.length)]!,
          resource: resources[below(resources.length)]!,
        }),
      );
    }
  }
  return spans;
}

const id = (number: number): string => number.toString(16).padStart(16, '0');

type Counts = Record<string, [calls: number, errors: number]>;

interface Expected {
  readonly nodes: Counts;
  readonly edges: Counts;
}

/** The rules of the documentation, span by span. */
function expectedGraph(spans: readonly PlainSpan[], from: bigint, to: bigint): Expected {
  const nodes: Counts = {};
  const edges: Counts = {};
  const serviceOf = (span: PlainSpan): string => attribute(span.resource.attributes, 'service.name');
  const key = (span: PlainSpan, spanId: string): string => `${span.traceId} ${spanId}`;
  const byId = new Map(spans.map((span) => [key(span, span.spanId), span]));
  const parentOf = (span: PlainSpan) => byId.get(key(span, span.parentSpanId));
  const children = Map.groupBy(spans, (span) => key(span, span.parentSpanId));
  const calls = ({ kind }: PlainSpan): boolean => kind === 3 || kind === 4;
  const serves = ({ kind }: PlainSpan): boolean => kind === 2 || kind === 5;
  const crosses = (span: PlainSpan, parent: PlainSpan): boolean =>
    serviceOf(span) !== serviceOf(parent) || (serves(span) && calls(parent));
  const failed = (span: PlainSpan): boolean => span.statusCode === 2;
  const inRange = spans.filter(({ startTimeUnixNano: at }) => at >= from && at <= to);
  const entries: PlainSpan[] = [];
  for (const span of inRange) {
    const parent = parentOf(span);
    const enters = parent === undefined ? span.parentSpanId === '' || serves(span) : crosses(span, parent);
    if (enters) entries.push(span);
  }
  const unanswered = inRange.filter(
    (span) =>
      calls(span) &&
      !(children.get(key(span, span.spanId)) ?? []).some((child) => calls(child) || crosses(child, span)),
  );
  const known = new Set<string>();
  for (const span of entries) {
    const parent = parentOf(span);
    known.add(serviceOf(span));
    if (parent !== undefined) known.add(serviceOf(parent));
  }
  for (const span of unanswered) if (peerOf(span) !== undefined) known.add(serviceOf(span));
  const idOf = (service: string): string => `service//${service}`;
  const peerId = (peer: readonly [kind: string, system: string, name: string]): string =>
    known.has(peer[2]) ? idOf(peer[2]) : peer.join('/');
  for (const span of entries) {
    count(nodes, idOf(serviceOf(span)), failed(span));
    const parent = parentOf(span);
    const to = idOf(serviceOf(span));
    if (parent !== undefined)
      count(edges, `${idOf(serviceOf(parent))} > ${to}`, failed(span) || (calls(parent) && failed(parent)));
    else if (span.kind === 5 && peerOf(span)?.[0] === 'messaging')
      count(edges, `${peerId(peerOf(span)!)} > ${to}`, failed(span));
  }
  for (const span of unanswered) {
    const peer = peerOf(span);
    if (peer === undefined) continue;
    count(edges, `${idOf(serviceOf(span))} > ${peerId(peer)}`, failed(span));
    if (!known.has(peer[2])) count(nodes, peerId(peer), failed(span));
  }
  return { nodes, edges };
}

function count(counts: Counts, key: string, failed: boolean): void {
  const entry = (counts[key] ??= [0, 0]);
  entry[0]++;
  if (failed) entry[1]++;
}

function attribute(attributes: PlainSpan['attributes'], key: string): string {
  const value = attributes.find((each) => each.key === key)?.value;
  return value?.type === 'string' ? value.value : '';
}

function peerOf({ attributes }: PlainSpan): readonly [string, string, string] | undefined {
  const get = (key: string): string => attribute(attributes, key);
  if (get('db.system') !== '') return ['database', 'redis', 'redis'];
  if (get('db.system.name') !== '') return ['database', 'postgresql', 'orders'];
  if (get('messaging.system') !== '') return ['messaging', 'kafka', 'mails'];
  const name = get('peer.service') || get('server.address');
  return name === '' ? undefined : ['external', '', name];
}

function contextOver(storage: TraceStorage, more: Partial<MetricsContext> = {}): MetricsContext {
  return {
    storage,
    budget: { memoryBytesMax: 1 << 26 },
    cache: new LruCache(1 << 22),
    pause: () => undefined,
    nowMs: () => 0,
    ...more,
  };
}

const requestOf = (more: Partial<ServiceGraphRequest> = {}): ServiceGraphRequest => ({
  tenant,
  range: { startUnixNano: base, endUnixNano: base + 2n * hour },
  filter: undefined,
  nodesMax: 1000,
  ...more,
});

function counted({ nodes, edges }: ServiceGraphResult): Expected {
  return {
    // Services that only call are there without requests of their own.
    nodes: Object.fromEntries(
      nodes.filter((node) => node.calls > 0).map((node) => [node.id, [node.calls, node.errors]]),
    ),
    edges: Object.fromEntries(edges.map((edge) => [`${edge.from} > ${edge.to}`, [edge.calls, edge.errors]])),
  };
}

test('the graph over blocks, live data and torn traces is that of a count span by span', async () => {
  const shape = fc.record({ seed: fc.nat(), traces: fc.integer({ min: 1, max: 40 }), torn: fc.boolean() });
  const window = fc.tuple(fc.integer({ min: 0, max: 3600 }), fc.integer({ min: 0, max: 3700 }));
  await fc.assert(
    fc.asyncProperty(shape, window, async ({ torn, ...made }, [a, b]) => {
      const spans = makeSpans(made);
      const places = deal(spans, 3, (span, k) => (torn ? k % 3 : Number.parseInt(span.traceId.slice(-4), 16) % 3));
      const storage = await storedSpans(
        { blocks: places.slice(0, 2), live: places.slice(2) },
        { rowGroupSpansMax: 40 },
      );
      const range = {
        startUnixNano: base + BigInt(Math.min(a, b)) * 1_000_000_000n,
        endUnixNano: base + BigInt(Math.max(a, b)) * 1_000_000_000n,
      };
      const context = contextOver(storage);
      const expected = expectedGraph(spans, range.startUnixNano, range.endUnixNano);
      for (let time = 0; time < 2; time++)
        assert.deepEqual(counted(await runServiceGraph(context, requestOf({ range }), signal)), expected);
    }),
    { numRuns: 60 },
  );
});

test('live data and blocks give the same answer, durations included', async () => {
  const spans = makeSpans({ seed: 7, traces: 300 });
  const answers = await Promise.all(
    [
      { blocks: [spans], live: [] },
      { blocks: [], live: [spans] },
      { blocks: deal(spans, 2, (_, k) => k % 2), live: [] },
    ].map(async (placement) => {
      const { nodes, edges } = await runServiceGraph(contextOver(await storedSpans(placement)), requestOf(), signal);
      return { nodes, edges };
    }),
  );
  assert.ok(answers[0]!.edges.length > 10);
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
});

/** shop SERVER → shop CLIENT → bank SERVER → bank CLIENT of redis, then shop PRODUCER and, in a trace of its own, mailer. */
function order(): PlainSpan[] {
  const span = (given: Parameters<typeof plainSpan>[0], service: number, startMs: number, ms: number): PlainSpan =>
    plainSpan({
      ...given,
      startTimeUnixNano: base + BigInt(startMs) * 1_000_000n,
      endTimeUnixNano: base + BigInt(startMs + ms) * 1_000_000n,
      resource: resources[service]!,
    });
  const own = (number: number) => ({ traceId: '1'.repeat(32), spanId: id(number) });
  const child = (number: number, parent: number) => ({ ...own(number), parentSpanId: id(parent) });
  return [
    span({ ...own(1), kind: 2 }, 0, 0, 100),
    span({ ...child(2, 1), kind: 3 }, 0, 10, 64),
    span({ ...child(3, 2), kind: 2, statusCode: 2 }, 1, 12, 50),
    span({ ...child(4, 3), kind: 3, attributes: peers[0]! }, 1, 20, 4),
    span({ ...child(5, 1), kind: 4, attributes: peers[2]! }, 0, 80, 1),
    span({ traceId: '2'.repeat(32), spanId: id(6), kind: 5, attributes: peers[2]! }, 2, 90, 8),
  ];
}

test('an order: who called whom, as the caller saw it', async () => {
  const { nodes, edges } = await runServiceGraph(
    contextOver(await storedSpans({ blocks: [], live: [order()] })),
    requestOf(),
    signal,
  );
  assert.deepEqual(
    edges.map(({ from, to, calls, errors }) => [from, to, calls, errors]),
    [
      ['messaging/kafka/mails', 'service//vault', 1, 0],
      ['service//bank', 'database/redis/redis', 1, 0],
      ['service//shop', 'messaging/kafka/mails', 1, 0],
      ['service//shop', 'service//bank', 1, 1],
    ],
  );
  const nanoOf = (to: string): number => edges.find((edge) => edge.to === to)!.p95Nano;
  assert.ok(Math.abs(nanoOf('service//bank') - 64e6) < 8e6, 'the caller waited for 64 ms, not the 50 ms of the callee');
  assert.deepEqual(
    nodes.map(({ name, kind, system, calls, errors }) => [name, kind, system, calls, errors]),
    [
      ['redis', 'database', 'redis', 1, 0],
      ['mails', 'messaging', 'kafka', 1, 0],
      ['bank', 'service', '', 1, 1],
      ['shop', 'service', '', 1, 0],
      ['vault', 'service', '', 1, 0],
    ],
  );
});

test('a filter narrows the requests that count; a limit leaves out the nodes with the fewest', async () => {
  const context = contextOver(await storedSpans({ blocks: [order()], live: [] }));
  const filter = parseQuery('{ resource.service.name = "bank" }').pipeline;
  const narrow = await runServiceGraph(context, requestOf({ filter }), signal);
  assert.deepEqual(counted(narrow), {
    nodes: { 'service//bank': [1, 1], 'database/redis/redis': [1, 0] },
    edges: { 'service//shop > service//bank': [1, 1], 'service//bank > database/redis/redis': [1, 0] },
  });
  const cut = await runServiceGraph(context, requestOf({ nodesMax: 2 }), signal);
  assert.equal(cut.nodes.length, 2);
  assert.equal(cut.nodesLeftOut, 3);
  assert.ok(cut.edges.every(({ from, to }) => [from, to].every((end) => cut.nodes.some((node) => node.id === end))));
});

test('peers without end are stopped by the memory of a query, and a client that left by its signal', async () => {
  const spans = Array.from({ length: 5000 }, (_, k) =>
    plainSpan({
      traceId: (k + 1).toString(16).padStart(32, '0'),
      spanId: id(1),
      kind: 3,
      startTimeUnixNano: base,
      endTimeUnixNano: base + 1n,
      attributes: [text('server.address', `host-${k}`)],
      resource: resources[0]!,
    }),
  );
  const storage = await storedSpans({ blocks: [], live: [spans] });
  const poor = contextOver(storage, { budget: { memoryBytesMax: 1 << 20 } });
  await assert.rejects(runServiceGraph(poor, requestOf(), signal), { code: 'query_memory' });
  const ended = new AbortController();
  const leaving = contextOver(storage, {
    pause: () => {
      ended.abort();
      return undefined;
    },
  });
  await assert.rejects(runServiceGraph(leaving, requestOf(), ended.signal), { kind: 'canceled' });
});

test('over HTTP: rates, and what is refused', async (context) => {
  const api = await startTestApi();
  context.after(() => api.close());
  const empty = JSON.parse((await api.get('/api/service-graph')).text);
  assert.deepEqual([empty.nodes, empty.edges, empty.nodesLeftOut], [[], [], 0]);
  for (const wrong of ['q={', 'limit=-1', 'start=5&end=2', 'since=48h', 'q={ status = 3 }'])
    assert.equal((await api.get(`/api/service-graph?${encodeURI(wrong)}`)).status, 400, wrong);
});
