import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { ProtoWriter } from '../base/protobuf.ts';
import { type PlainSpan, plainSpan, tableToSpans } from '../model/plain-span.ts';
import { SpanTable } from '../model/span-table.ts';
import { plainSpansToOtlp } from '../protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../protocol/otlp/scan.ts';
import { addedAttribute } from './attributes.ts';
import { countRequestSpans, joinParts, splitRequest, writeResourceSpans } from './rewrite-request.ts';

function decode(request: Uint8Array): PlainSpan[] {
  const table = new SpanTable(16);
  new OtlpScanner(table).scan(request);
  return tableToSpans(table);
}

function rewrite(request: Uint8Array, added: Readonly<Record<string, string>>, override = false): Uint8Array {
  const attributes = Object.entries(added).map(([key, value]) => addedAttribute(key, value));
  const parts: Uint8Array[] = [];
  for (const piece of splitRequest(request)) writeResourceSpans(piece, attributes, override, parts);
  return joinParts(parts);
}

const text = (value: string) => ({ type: 'string', value }) as const;

const base = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), name: 'GET /' };

function withResource(attributes: Readonly<Record<string, string>>): PlainSpan {
  const list = Object.entries(attributes).map(([key, value]) => ({ key, value: text(value) }));
  const span = plainSpan(base);
  return { ...span, resource: { ...span.resource, attributes: list } };
}

function attributesOf(request: Uint8Array): Record<string, unknown> {
  return Object.fromEntries(decode(request)[0]!.resource.attributes.map(({ key, value }) => [key, value]));
}

test('attributes are added, those that are there stay, and override replaces them', () => {
  const request = plainSpansToOtlp([withResource({ 'service.name': 'shop', pod: 'theirs' })]);
  const added = { pod: 'ours', namespace: 'prod' };
  assert.deepEqual(attributesOf(rewrite(request, added)), {
    'service.name': text('shop'),
    pod: text('theirs'),
    namespace: text('prod'),
  });
  assert.deepEqual(attributesOf(rewrite(request, added, true)), {
    'service.name': text('shop'),
    pod: text('ours'),
    namespace: text('prod'),
  });
});

test('spans come through as they were, whatever they hold, and are counted', () => {
  const spanOf = fc.record({
    name: fc.string({ maxLength: 200 }),
    service: fc.constantFrom('a', 'b', 'c'),
    pad: fc.string({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(spanOf, { minLength: 1, maxLength: 20 }), (made) => {
      const spans = made.map(({ name, service, pad }) => ({
        ...withResource({ 'service.name': service }),
        name,
        attributes: [{ key: 'pad', value: text(pad) }],
      }));
      const request = plainSpansToOtlp(spans);
      const rewritten = rewrite(request, { node: 'n1' });
      assert.equal(countRequestSpans(request), spans.length);
      assert.equal(countRequestSpans(rewritten), spans.length);
      const expected = decode(request).map((span) => ({
        ...span,
        resource: { ...span.resource, attributes: [...span.resource.attributes, { key: 'node', value: text('n1') }] },
      }));
      assert.deepEqual(decode(rewritten), expected);
      // Nothing to add: the same spans.
      assert.deepEqual(decode(rewrite(request, {})), decode(request));
    }),
    { numRuns: 60 },
  );
});

test('a resource in several pieces, or none at all, gets the attributes once', () => {
  const [span] = splitRequest(plainSpansToOtlp([plainSpan(base)]));
  const writer = new ProtoWriter();
  writer.message(1, () => {
    for (const key of ['a', 'b']) writer.message(1, () => writer.raw(addedAttribute(key, 'old').field));
    for (const field of span!.rest) writer.raw(field);
  });
  writer.message(1, () => {
    for (const field of span!.rest) writer.raw(field);
  });
  const rewritten = decode(rewrite(writer.finish(), { b: 'new', c: 'new' }));
  assert.deepEqual(
    rewritten.map(({ resource }) =>
      resource.attributes.map(({ key, value }) => `${key}=${'value' in value && value.value}`),
    ),
    [
      ['a=old', 'b=old', 'c=new'],
      ['b=new', 'c=new'],
    ],
  );
});

test('damage down to the spans is refused, as are spans under a wrong wire type', () => {
  const request = plainSpansToOtlp([withResource({ a: 'b' })]);
  const refused = (bytes: Uint8Array): void =>
    assert.throws(
      () => splitRequest(bytes),
      (error) => error instanceof RubatoError && error.kind === 'invalid',
    );
  refused(request.subarray(0, request.length - 1));
  const writer = new ProtoWriter();
  writer.message(1, () => writer.message(2, () => writer.uint(2, 1)));
  refused(writer.finish());
  // Random damage either is refused or leaves something that can be written again.
  fc.assert(
    fc.property(fc.nat(request.length - 1), fc.nat(255), (at, byte) => {
      const damaged = Uint8Array.from(request);
      damaged[at] = byte;
      try {
        rewrite(damaged, { a: 'x', z: 'y' }, true);
      } catch (error) {
        assert.ok(error instanceof RubatoError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
