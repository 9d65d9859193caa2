import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { liveFragment } from '../../block/live-fragment.ts';
import { plainSpan } from '../../model/plain-span.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import type { Segment } from '../../wal/segment-codec.ts';
import { coveredRows, Mirror } from './mirror.ts';

const tenant = 't';

/** A segment with `spans` spans of one trace, whose number is the segment's. */
function segment(writer: string, seq: number, spans: number): Segment {
  const traceId = (seq + (writer === 'a' ? 0 : 1000)).toString(16).padStart(32, '1');
  const body = plainSpansToOtlp(
    Array.from({ length: spans }, (_, i) => plainSpan({ traceId, spanId: (i + 1).toString(16).padStart(16, '0') })),
  );
  const header = { writer, seq, createdUnixMs: 0, entryCount: 1, bodyBytes: 0, compressedBytes: 0 };
  return { header, entries: [{ tenant, encoding: 1, flags: 0, body }] };
}

/** Spans that a query with these covers sees. */
function visible(mirror: Mirror, covered: ReadonlyMap<string, number>): number {
  let spans = 0;
  for (const { writer, data, segments } of mirror.live(tenant)) {
    const first = coveredRows(segments!, covered.get(writer) ?? 0);
    if (first < data.spanCount) spans += liveFragment('x', data, undefined, first).spanCount;
  }
  return spans;
}

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ writer: fc.constantFrom('a', 'b'), spans: fc.integer({ min: 1, max: 9 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ cover: fc.constantFrom('a', 'b'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    { weight: 1, arbitrary: fc.record({ gone: fc.constantFrom('a', 'b') }) },
  ),
  { maxLength: 60 },
);

test('a query sees exactly the segments that its manifest does not cover, wherever the covers end', () => {
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 30 }),
      fc.infiniteStream(fc.boolean()),
      (given, tableSpansMax, swaps) => {
        const log = { warn: () => assert.fail('every request can be read') };
        const mirror = new Mirror({ attributeBytesMax: () => 0, tableSpansMax, log });
        const sizes = new Map<string, number[]>([
          ['a', []],
          ['b', []],
        ]);
        const covered = new Map<string, number>();
        let version = 0;
        for (const step of given) {
          if ('writer' in step) {
            const list = sizes.get(step.writer)!;
            list.push(step.spans);
            // Sometimes the next segment is there before this one.
            if (swaps.next().value === true) {
              list.push(step.spans + 1);
              mirror.add(segment(step.writer, list.length, step.spans + 1));
              mirror.add(segment(step.writer, list.length - 1, step.spans));
            } else mirror.add(segment(step.writer, list.length, step.spans));
          } else if ('cover' in step) {
            const through = Math.floor(step.share * sizes.get(step.cover)!.length);
            covered.set(step.cover, Math.max(through, covered.get(step.cover) ?? 0));
            mirror.see({ tenant, version: ++version, covered: new Map(covered) });
          } else {
            covered.set(step.gone, sizes.get(step.gone)!.length);
            mirror.forget(step.gone);
          }
          let expected = 0;
          for (const [writer, list] of sizes)
            for (const spans of list.slice(covered.get(writer) ?? 0)) expected += spans;
          assert.equal(visible(mirror, covered), expected);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('tables whose rows are all covered are let go', () => {
  const mirror = new Mirror({ attributeBytesMax: () => 0, tableSpansMax: 1000, log: { warn: () => undefined } });
  for (let seq = 1; seq <= 5; seq++) mirror.add(segment('a', seq, 2));
  mirror.see({ tenant, version: 1, covered: new Map([['a', 3]]) });
  mirror.add(segment('a', 6, 2));
  assert.equal(mirror.live(tenant).length, 2, 'a table that is covered in part takes no more');
  mirror.see({ tenant, version: 2, covered: new Map([['a', 5]]) });
  assert.equal(mirror.live(tenant).length, 1);
  mirror.see({ tenant, version: 3, covered: new Map([['a', 6]]) });
  assert.deepEqual(mirror.tenants, []);
  // Covered before it was read: not taken at all.
  mirror.add(segment('a', 6, 2));
  assert.deepEqual(mirror.tenants, []);
});

test('a table that is let go before the one that it followed leaves the writer readable', () => {
  const mirror = new Mirror({ attributeBytesMax: () => 0, tableSpansMax: 1000, log: { warn: assert.fail } });
  // 2 came before 1, so 1 has a table that follows the one of 2; then 1 is covered and 2 is not.
  for (const seq of [2, 1]) mirror.add(segment('a', seq, 1));
  mirror.see({ tenant, version: 1, covered: new Map([['a', 1]]) });
  mirror.add(segment('a', 3, 1));
  assert.equal(visible(mirror, new Map([['a', 1]])), 2);
});
