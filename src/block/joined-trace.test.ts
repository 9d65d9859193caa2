import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildBlockOf } from './build.ts';
import { joinTrace } from './joined-trace.ts';
import { liveFragment } from './live-fragment.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { expectedTraces } from './testing/expected.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { type PlainSpan, readFragment, tableOf } from './testing/plain-spans.ts';
import { random, randomSpans } from './testing/random-table.ts';
import type { TracePlace } from './torn-traces.ts';

const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

/** Spans dealt to four lists, of which every second becomes a block. */
async function deal(seed: number, spans: readonly PlainSpan[]): Promise<StoredFragment[]> {
  const r = random(seed);
  const parts: PlainSpan[][] = [[], [], [], []];
  for (const span of spans) r.pick(parts).push(span);
  const fragments = parts.map(async (part, i) => {
    if (i % 2 === 0) return [liveFragment(`live-${i}`, tableOf(part))];
    const built = buildBlockOf(tableOf(part), { pageRows: 16, rowGroupSpansMax: 60, attributeColumnsMax: 8 });
    return memoryBlock(built, `block-${i}`).open();
  });
  return (await Promise.all(fragments)).flat();
}

async function placesOf(fragments: readonly StoredFragment[], traceId: string): Promise<TracePlace[]> {
  const places: TracePlace[] = [];
  for (const fragment of fragments) {
    await fragment.loadTraces(newCost());
    for (let trace = 0; trace < fragment.traceCount; trace++) {
      if (Buffer.from(fragment.traceIds.subarray(trace * 16, trace * 16 + 16)).toString('hex') === traceId)
        places.push({ fragment, trace });
    }
  }
  return places;
}

test('a trace that lies in several fragments reads as if it had never been apart', async () => {
  let joined = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const spans = randomSpans({ seed, traces: 12 });
    const fragments = await deal(seed, spans);
    for (const expected of expectedTraces(spans)) {
      const places = await placesOf(fragments, expected.traceId);
      if (places.length < 2) continue;
      const fragment = await joinTrace(places, newCost());
      if (fragment === undefined) continue;
      joined++;
      assert.deepEqual(await readFragment(fragment), [expected], `seed ${seed}`);
      const other = await joinTrace(places.toReversed(), newCost());
      assert.deepEqual(await readFragment(other!), [expected], `seed ${seed}, pieces the other way round`);
    }
  }
  assert.ok(joined > 20, `${joined} traces`);
});

test('a resource that several pieces have is one row', async () => {
  const [first, ...others] = randomSpans({ seed: 3, traces: 1 });
  const alike = [first!, ...others].map((span) => ({ ...span, resource: first!.resource }));
  const fragments = alike.map((span, i) => liveFragment(`live-${i}`, tableOf([span])));
  const fragment = await joinTrace(await placesOf(fragments, first!.traceId), newCost());
  assert.equal(fragment?.resourceCount, 1);
});

test('spans that agree in id and start are left to those who can tell them apart', async () => {
  const [span] = randomSpans({ seed: 5, traces: 1 });
  const fragments = ['a', 'b'].map((id) => liveFragment(id, tableOf([span!])));
  assert.equal(await joinTrace(await placesOf(fragments, span!.traceId), newCost()), undefined);
});
