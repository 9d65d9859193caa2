/**
 * Posts the generator's traces to a running server and reads every trace back by id, as protobuf: what comes back must
 * be what was sent, span by span and field by field. A decoder that shares no code with the server reads both.
 */
import assert from 'node:assert/strict';
import type { PlainEvent, PlainSpan } from '../../src/model/plain-span.ts';
import { decodeRequest } from '../../src/protocol/otlp/testing/reference-decoder.ts';
import { postSpans, request, type TestServer } from '../support/server.ts';

export type TracesById = ReadonlyMap<string, readonly PlainSpan[]>;

const concurrency = 4;

/** Sends all batches; returns what was sent by trace. */
export async function send(server: TestServer, batches: Iterable<Uint8Array>): Promise<TracesById> {
  const traces = new Map<string, PlainSpan[]>();
  const queue = batches[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        for (const span of decodeRequest(next.value, 0).spans) {
          const spans = traces.get(span.traceId);
          if (spans === undefined) traces.set(span.traceId, [span]);
          else spans.push(span);
        }
        assert.equal(await postSpans(server.otlpHttp, next.value), 200);
      }
    }),
  );
  return traces;
}

/** Every trace comes back whole and exact. */
export async function assertAllReturned(server: TestServer, traces: TracesById): Promise<void> {
  const queue = traces[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        const [traceId, sent] = next.value;
        const answer = await request(`${server.http}/api/traces/${traceId}`, {
          headers: { accept: 'application/protobuf' },
        });
        assert.equal(answer.status, 200, `trace ${traceId}`);
        // A Trace message has the fields of an ExportTraceServiceRequest.
        const returned = decodeRequest(answer.body, 0).spans;
        assert.deepEqual(
          returned.map(comparable).sort(bySpanId),
          sent.map(comparable).sort(bySpanId),
          `trace ${traceId}`,
        );
      }
    }),
  );
}

/** Order means nothing between attributes; events come back in the order of their times, whatever order they were sent in. */
function comparable(span: PlainSpan): PlainSpan {
  const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
  const sorted = <Item extends { key: string }>(items: readonly Item[]): Item[] => [...items].sort(byKey);
  return {
    ...span,
    attributes: sorted(span.attributes),
    events: span.events.map((event) => ({ ...event, attributes: sorted(event.attributes) })).sort(byTime),
    links: span.links.map((link) => ({ ...link, attributes: sorted(link.attributes) })),
    resource: { ...span.resource, attributes: sorted(span.resource.attributes) },
    scope: { ...span.scope, attributes: sorted(span.scope.attributes) },
  };
}

function byTime(a: PlainEvent, b: PlainEvent): number {
  if (a.timeUnixNano !== b.timeUnixNano) return a.timeUnixNano < b.timeUnixNano ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function bySpanId(a: PlainSpan, b: PlainSpan): number {
  return a.spanId < b.spanId ? -1 : a.spanId > b.spanId ? 1 : a.kind - b.kind;
}

/** Resolves when nothing is live: all spans are in blocks. */
export async function allInBlocks(server: TestServer, withinMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
    const metrics = (await request(`${server.http}/metrics`)).body.toString();
    if (/^rubato_live_spans 0$/m.test(metrics)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`spans are still live after ${withinMs} ms`);
}
