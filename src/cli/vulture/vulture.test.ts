import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlainSpan } from '../../model/plain-span.ts';
import { compareSpans } from './compare.ts';
import { madeTrace } from './made-trace.ts';

const moments = Array.from({ length: 200 }, (_, i) => 1_700_000_000_000 + i * 37);

test('a moment makes one trace, and no two moments the same', () => {
  for (const ms of moments.slice(0, 20)) assert.deepEqual(madeTrace(ms), madeTrace(ms));
  const traces = moments.map(madeTrace);
  assert.equal(new Set(traces.map(({ traceId }) => traceId)).size, traces.length);
  assert.equal(new Set(traces.map(({ tag }) => tag.value)).size, traces.length);
});

test('made traces are whole: one root, parents written before or with their children, all in the past', () => {
  for (const { writes, writtenMs, traceId, tag } of moments.map(madeTrace)) {
    const known = new Set<string>();
    const spans = writes.flat();
    assert.equal(spans.filter(({ parentSpanId }) => parentSpanId === '').length, 1);
    for (const span of spans) {
      assert.equal(span.traceId, traceId);
      assert.ok(span.parentSpanId === '' || known.has(span.parentSpanId));
      assert.ok(span.endTimeUnixNano <= BigInt(writtenMs) * 1_000_000n);
      assert.equal(new Set(span.attributes.map(({ key }) => key)).size, span.attributes.length);
      known.add(span.spanId);
    }
    assert.equal(known.size, spans.length);
    assert.ok(spans.some(({ attributes }) => attributes.some(({ key }) => key === tag.key)));
  }
});

test('every kind of value and every field is used by some trace', () => {
  const spans = moments.flatMap((ms) => madeTrace(ms).writes.flat());
  const types = new Set(spans.flatMap(({ attributes }) => attributes.map(({ value }) => value.type)));
  assert.deepEqual([...types].sort(), ['array', 'bool', 'bytes', 'double', 'int', 'kvlist', 'string']);
  for (const field of Object.keys(spans[0]!) as (keyof PlainSpan)[]) {
    const used = spans.some((span) => {
      const value = span[field];
      return Array.isArray(value) ? value.length > 0 : value !== 0 && value !== '' && value !== 0n;
    });
    assert.ok(used, field);
  }
});

test('a difference in any field is found, one in the order of attributes or spans is none', () => {
  const spans = madeTrace(moments[3]!).writes.flat();
  const shuffled = spans.toReversed().map((span) => ({ ...span, attributes: span.attributes.toReversed() }));
  assert.equal(compareSpans(spans, shuffled), undefined);
  assert.equal(compareSpans(spans, spans.slice(1))?.kind, 'missingspans');
  assert.equal(compareSpans(spans, [...spans, { ...spans[0]!, spanId: 'f'.repeat(16) }])?.kind, 'incorrectresult');
  const changes: Partial<PlainSpan>[] = [
    { name: 'other' },
    { flags: 9 },
    { endTimeUnixNano: 1n },
    { statusMessage: 'other' },
    { attributes: [] },
    { resource: { ...spans[0]!.resource, schemaUrl: 'other' } },
    { scope: { ...spans[0]!.scope, version: 'other' } },
    { droppedLinksCount: 77 },
  ];
  for (const change of changes) {
    const difference = compareSpans(spans, [{ ...spans[0]!, ...change }, ...spans.slice(1)]);
    assert.equal(difference?.kind, 'incorrectresult');
    assert.equal(difference.detail, `span ${spans[0]!.spanId} differs in ${Object.keys(change)[0]}`);
  }
});
