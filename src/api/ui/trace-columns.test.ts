import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAttribute, readFound, readTrace } from '../../../ui/src/trace/model/read-columns.ts';
import { spanIdText } from '../../../ui/src/trace/model/trace.ts';
import { liveFragment } from '../../block/live-fragment.ts';
import { type PlainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { randomRequest } from '../../protocol/otlp/testing/random-request.ts';
import type { TracePart } from '../ports.ts';
import { traceAttribute, traceFind } from './trace-attribute.ts';
import { traceColumns } from './trace-columns.ts';

const signal = new AbortController().signal;
const cost = () => ({ requests: 0, bytes: 0, pages: 0 });

/** Every trace of random requests: as a part, and as its spans in the part's order. */
async function randomTraces(): Promise<{ part: TracePart; spans: PlainSpan[] }[]> {
  const traces: { part: TracePart; spans: PlainSpan[] }[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const table = new SpanTable(64);
    const scanner = new OtlpScanner(table);
    for (const request of [randomRequest(seed), randomRequest(seed + 1000)])
      scanner.scan(request, { maxAttributeBytes: 0 });
    const fragment = liveFragment(`seed ${seed}`, table.share());
    await fragment.loadTraces(cost(), signal);
    const byId = Map.groupBy(tableToSpans(table), (span) => span.traceId);
    for (let trace = 0; trace < fragment.traceCount; trace++) {
      const traceId = Buffer.from(fragment.traceIds.subarray(trace * 16, trace * 16 + 16)).toString('hex');
      traces.push({ part: { fragment, trace }, spans: byId.get(traceId) ?? [] });
    }
  }
  return traces;
}

/** Random times lie anywhere in 64 bits. */
const timeMax = 2 ** 51 - 1;

const traces = await randomTraces();
/** Those without broken clocks. */
const sane = traces.filter(({ spans }) => {
  const times = spans.flatMap((span) => [span.startTimeUnixNano, span.endTimeUnixNano]);
  const [least] = times.toSorted((a, b) => Number(a - b));
  return times.every((time) => time - least! < BigInt(timeMax));
});
const bytesOf = (pieces: readonly Uint8Array[]): Uint8Array => Buffer.concat(pieces);

const serviceOf = (span: PlainSpan): string => {
  const found = span.resource.attributes.find(({ key, value }) => key === 'service.name' && value.type === 'string');
  return found?.value.type === 'string' ? found.value.value : '';
};

test('columns say of every span what its OTLP said', async () => {
  assert.ok(sane.length > 20);
  for (const { part, spans } of sane) {
    const trace = readTrace(bytesOf(await traceColumns([part], cost(), signal)));
    const got = Array.from({ length: trace.spans }, (_, row) => {
      const { service, name, kind } = trace.operations[trace.operation[row]!]!;
      const events = trace.events.get(row) ?? 0;
      const links = trace.links.get(row) ?? 0;
      return `${spanIdText(trace, row)} ${service}/${name}/${kind} ${trace.duration[row]} ${trace.status[row]} ${events} ${links}`;
    });
    const wanted = spans.map((span) => {
      const duration =
        span.endTimeUnixNano < span.startTimeUnixNano ? 0n : span.endTimeUnixNano - span.startTimeUnixNano;
      const { events, links } = span;
      return `${span.spanId} ${serviceOf(span)}/${span.name}/${span.kind} ${Number(duration)} ${span.statusCode & 3} ${events.length} ${links.length}`;
    });
    assert.deepEqual([...new Set(got)].sort(), [...new Set(wanted)].sort());
    assert.equal(trace.totalSpans, trace.spans);
  }
});

test('parents, depths and starts come back from subtree sizes and differences', async () => {
  for (const { part } of sane) {
    const { fragment } = part;
    const first = fragment.traceFirstSpan[part.trace]!;
    const trace = readTrace(bytesOf(await traceColumns([part], cost(), signal)));
    for (let row = 0; row < trace.spans; row++) {
      const parent = fragment.parent[first + row]!;
      assert.equal(trace.parent[row], parent < 0 ? parent : parent - first);
      assert.equal(trace.depth[row], parent < 0 ? 0 : trace.depth[parent - first]! + 1);
      const since = fragment.startUnixNano(first + row) - trace.startUnixNano;
      // Further from the fragment's base, starts are doubles that are rounded.
      if (Math.abs(fragment.start[first + row]!) < 2 ** 53) assert.equal(BigInt(trace.start[row]!), since);
    }
  }
});

test('the parts of several tenants stand one after the other', async () => {
  const [a, b] = [traces[0]!.part, traces[1]!.part];
  const both = readTrace(bytesOf(await traceColumns([a, b], cost(), signal)));
  const first = readTrace(bytesOf(await traceColumns([a], cost(), signal)));
  const second = readTrace(bytesOf(await traceColumns([b], cost(), signal)));
  assert.equal(both.spans, first.spans + second.spans);
  assert.deepEqual([...both.spanId], [...first.spanId, ...second.spanId]);
  const shifted = [...second.events].map(([row, count]) => [row + first.spans, count]);
  assert.deepEqual([...both.events], [...first.events, ...shifted]);
  assert.deepEqual([...both.subtree], [...first.subtree, ...second.subtree]);
});

test('clocks beyond all reason do not damage the columns', async () => {
  for (const { part } of traces) {
    const trace = readTrace(bytesOf(await traceColumns([part], cost(), signal)));
    for (const values of [trace.start, trace.duration]) for (const value of values) assert.ok(Number.isFinite(value));
  }
});

test('an attribute comes as codes into its distinct values', async () => {
  let values = 0;
  for (const { part, spans } of traces) {
    const trace = readTrace(bytesOf(await traceColumns([part], cost(), signal)));
    for (const { scope, key } of trace.attributes.slice(0, 6)) {
      const column = readAttribute(bytesOf(await traceAttribute([part], { scope, key }, cost(), signal)));
      assert.equal(column.codes.length, trace.spans);
      assert.equal(new Set(column.values).size, column.values.length);
      const counts = new Set(column.codes);
      values += column.values.length;
      for (let code = 1; code <= column.values.length; code++) assert.ok(counts.has(code), `${key}: an unused value`);
      const having = spans.filter((span) =>
        (scope === 'span' ? span : span.resource).attributes.some((attribute) => attribute.key === key),
      );
      assert.equal(
        column.codes.some((code) => code !== 0),
        having.length > 0,
        key,
      );
    }
  }
  assert.ok(values > 100);
});

test('a text is found in names and values', async () => {
  let found = 0;
  for (const { part, spans } of traces) {
    const text = spans.find(({ name }) => name.length > 2)?.name.slice(0, 3);
    if (text === undefined) continue;
    const trace = readTrace(bytesOf(await traceColumns([part], cost(), signal)));
    const { rows } = readFound(bytesOf(await traceFind([part], text.toUpperCase(), cost(), signal)));
    const hits = new Set(rows);
    for (let row = 0; row < trace.spans; row++) {
      const named = trace.operations[trace.operation[row]!]!.name.toLowerCase().includes(text.toLowerCase());
      if (named) assert.ok(hits.has(row));
    }
    found += hits.size;
  }
  assert.ok(found > 10);
});
