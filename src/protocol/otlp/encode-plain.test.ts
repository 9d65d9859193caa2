import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PlainSpan, plainScope, plainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from './encode-plain.ts';
import { OtlpScanner } from './scan.ts';
import { randomRequest } from './testing/random-request.ts';
import { decodeRequest } from './testing/reference-decoder.ts';

test('spans that were read are written and read as the same spans', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { spans } = decodeRequest(randomRequest(seed), 0);
      const table = new SpanTable(16);
      new OtlpScanner(table).scan(plainSpansToOtlp(spans), { maxAttributeBytes: 0 });
      assert.deepEqual(sorted(tableToSpans(table)), sorted(spans));
    }),
    { endOnFailure: true },
  );
});

/** Grouping by equal resource and scope moves spans. */
function sorted(spans: readonly PlainSpan[]): PlainSpan[] {
  const key = (span: PlainSpan): string => JSON.stringify(span, (_k, v) => (typeof v === 'bigint' ? String(v) : v));
  return [...spans].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

test('equal resources and scopes are written once', () => {
  const span = { traceId: '01'.repeat(16), spanId: '02'.repeat(8) };
  const one = plainSpansToOtlp([plainSpan({ ...span, scope: plainScope({ name: 'lib' }) })]);
  const two = plainSpansToOtlp([
    plainSpan({ ...span, scope: plainScope({ name: 'lib' }) }),
    plainSpan({ ...span, scope: plainScope({ name: 'lib' }) }),
  ]);
  assert.equal(two.length - one.length, 2 + 18 + 10);
});

test('ids that are no hex are refused', () => {
  assert.throws(() => plainSpansToOtlp([plainSpan({ traceId: 'xx', spanId: '01' })]), /not a hex id: xx/);
});
