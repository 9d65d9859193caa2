import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Fragment } from '../traceql/storage.ts';
import { buildBlockOf } from './build.ts';
import { liveFragment } from './live-fragment.ts';
import { assembleSnapshot, findTrace, SnapshotCache } from './snapshot.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { expectedTraces } from './testing/expected.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { type FragmentTrace, type PlainSpan, readFragment, tableOf } from './testing/plain-spans.ts';
import { random, randomSpans } from './testing/random-table.ts';
import { hashOfId } from './trace-index.ts';

const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

/** All traces that a snapshot shows, in the order of their ids. */
async function visible(fragments: readonly Fragment[]): Promise<FragmentTrace[]> {
  const traces: FragmentTrace[] = [];
  for (const fragment of fragments) traces.push(...(await readFragment(fragment)));
  return byId(traces);
}

const byId = (traces: readonly FragmentTrace[]): FragmentTrace[] =>
  traces.toSorted((a, b) => (a.traceId < b.traceId ? -1 : 1));

const block = async (id: string, spans: readonly PlainSpan[]): Promise<readonly StoredFragment[]> =>
  memoryBlock(buildBlockOf(tableOf(spans), { rowGroupSpansMax: 100 }), id).open();

/** Spans dealt to lists; most traces go to one list as a whole. */
function deal(seed: number, spans: readonly PlainSpan[], parts: number): PlainSpan[][] {
  const r = random(seed);
  const home = new Map<string, number>();
  const dealt: PlainSpan[][] = Array.from({ length: parts }, () => []);
  for (const span of spans) {
    const part = home.get(span.traceId) ?? r.below(parts);
    home.set(span.traceId, part);
    dealt[r.chance(0.05) ? r.below(parts) : part]!.push(span);
  }
  return dealt.filter((part) => part.length > 0);
}

test('a snapshot shows every span once and every trace whole, however they are spread', async () => {
  const cache = new SnapshotCache();
  for (let seed = 1; seed <= 4; seed++) {
    const spans = randomSpans({ seed, traces: 60 });
    const [a, b, c, d, e] = deal(seed, spans, 5);
    const fragments = [
      ...(await block(`a${seed}`, a!)),
      ...(await block(`b${seed}`, b!)),
      ...(await block(`c${seed}`, c!)),
      liveFragment(`d${seed}`, tableOf(d!)),
      liveFragment(`e${seed}`, tableOf(e!)),
    ];
    const snapshot = await assembleSnapshot(fragments, cache, newCost());
    assert.equal(snapshot.blockCount, 5);
    assert.deepEqual(await visible(snapshot.fragments), byId(expectedTraces(spans)), `seed ${seed}`);
    // The cache knows more blocks than a later query looks at.
    const fewer = await assembleSnapshot(fragments.slice(1), cache, newCost());
    const left = (await visible(fewer.fragments)).length;
    assert.ok(left <= expectedTraces(spans).length);
    assert.notEqual(fewer.version, snapshot.version);
  }
});

test('fragments that share nothing are passed through', async () => {
  const fragments = [
    ...(await block('a', randomSpans({ seed: 1, traces: 20 }))),
    liveFragment('b', tableOf(randomSpans({ seed: 2, traces: 20 }))),
  ];
  const snapshot = await assembleSnapshot(fragments, new SnapshotCache(), newCost());
  assert.deepEqual(
    snapshot.fragments.map(({ id }) => id),
    fragments.map(({ id }) => id),
  );
  assert.ok(snapshot.fragments.every(({ hiddenTraces }) => hiddenTraces === undefined));
});

test('what blocks share is put together once', async () => {
  const spans = randomSpans({ seed: 3, traces: 40 });
  const [a, b] = deal(3, spans, 2);
  const fragments = [...(await block('a', a!)), ...(await block('b', b!))];
  const cache = new SnapshotCache();
  const first = newCost();
  const snapshot = await assembleSnapshot(fragments, cache, first);
  assert.equal(first.requests, 0, 'nothing is read before somebody wants it');
  const merged = snapshot.fragments.at(-1)!;
  await merged.loadTraces(first);
  assert.ok(first.requests > 0);
  const second = newCost();
  const again = await assembleSnapshot(fragments, cache, second);
  await again.fragments.at(-1)!.loadTraces(second);
  assert.equal(second.requests, 0);
  assert.equal(again.version, snapshot.version);
  assert.deepEqual(
    again.fragments.map(({ id }) => id),
    snapshot.fragments.map(({ id }) => id),
  );
});

test('a trace is found whole by its id', async () => {
  const spans = randomSpans({ seed: 4, traces: 30 });
  const [a, b, c] = deal(4, spans, 3);
  const fragments = [...(await block('a', a!)), ...(await block('b', b!)), liveFragment('c', tableOf(c!))];
  for (const expected of expectedTraces(spans)) {
    const traceId = Buffer.from(expected.traceId, 'hex');
    const found = await findTrace(fragments, traceId, newCost());
    assert.deepEqual(await readFragment(found!.fragment, found!.trace, found!.trace + 1), [expected]);
    const snapshot = await assembleSnapshot(fragments, new SnapshotCache(), newCost(), { traceId });
    const shown = await visible(snapshot.fragments);
    assert.deepEqual(
      shown.filter((trace) => trace.traceId === expected.traceId),
      [expected],
    );
  }
  assert.equal(await findTrace(fragments, Buffer.alloc(16, 7), newCost()), undefined);
});

test('many queries at once, over changing sets of blocks, do not disturb each other', async () => {
  const spans = randomSpans({ seed: 5, traces: 80 });
  const parts = deal(5, spans, 6);
  const blocks = await Promise.all(parts.map((part, i) => block(`block-${i}`, part)));
  const cache = new SnapshotCache();
  const sets = Array.from({ length: 20 }, (_, i) => blocks.filter((_, b) => ((i * 7 + 11) >> b) % 2 === 1));
  const shown = await Promise.all(
    sets.map(async (set) => {
      const snapshot = await assembleSnapshot(set.flat(), cache, newCost());
      return visible(snapshot.fragments);
    }),
  );
  shown.forEach((traces, i) => {
    const present = parts.filter((_, b) => ((i * 7 + 11) >> b) % 2 === 1).flat();
    assert.deepEqual(traces, byId(expectedTraces(present)), `set ${i}`);
  });
});

test('every trace that overlaps a time range is there and whole, wherever its pieces lie', async () => {
  const spans = randomSpans({ seed: 6, traces: 70, broken: false });
  // By start, so that blocks hold different times; pieces of some traces lie far away.
  const inOrder = spans.toSorted((a, b) => (a.start < b.start ? -1 : 1));
  const r = random(11);
  const parts: PlainSpan[][] = Array.from({ length: 8 }, () => []);
  inOrder.forEach((span, i) => {
    parts[r.chance(0.06) ? r.below(8) : Math.floor((i * 8) / inOrder.length)]!.push(span);
  });
  const fragments = [
    ...(await Promise.all(parts.slice(0, 7).map((part, i) => block(`time-${i}`, part)))).flat(),
    liveFragment('now', tableOf(parts[7]!)),
  ];
  const expected = expectedTraces(spans);
  const cache = new SnapshotCache();
  let shownBlocks = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(60_000), fc.nat(20_000), async (fromMs, lengthMs) => {
      const startUnixNano = 1_700_000_000_000_000_000n + BigInt(fromMs) * 1_000_000n;
      const range = { startUnixNano, endUnixNano: startUnixNano + BigInt(lengthMs) * 1_000_000n };
      const snapshot = await assembleSnapshot(fragments, cache, newCost(), { range });
      shownBlocks += snapshot.blockCount;
      const overlaps = ({ start, end }: FragmentTrace) =>
        BigInt(start) <= range.endUnixNano && BigInt(end) >= range.startUnixNano;
      const shown = await visible(snapshot.fragments);
      assert.deepEqual(shown.filter(overlaps), byId(expected.filter(overlaps)));
    }),
    { numRuns: 40 },
  );
  assert.ok(shownBlocks < 40 * 6, 'blocks outside of the range are left out');
});

test('traces that only share a hash are told apart', async () => {
  // Found by trying: ids that differ and hash alike.
  const [a, b] = collidingIds();
  const [first] = randomSpans({ seed: 1, traces: 1 });
  const one = { ...first!, traceId: a };
  const other = { ...first!, traceId: b };
  const fragments = [...(await block('one', [one])), ...(await block('other', [other]))];
  const snapshot = await assembleSnapshot(fragments, new SnapshotCache(), newCost());
  assert.deepEqual(await visible(snapshot.fragments), byId(expectedTraces([one, other])));
  for (const span of [one, other]) {
    const found = await findTrace(fragments, Buffer.from(span.traceId, 'hex'), newCost());
    assert.deepEqual(await readFragment(found!.fragment), expectedTraces([span]));
  }
});

function collidingIds(): [string, string] {
  const ids = new Map<number, string>();
  const words = new Uint32Array(4);
  for (let i = 1; ; i++) {
    words[0] = Math.imul(i, 0x9e3779b1);
    words[3] = i;
    const hash = hashOfId(words);
    const id = Buffer.from(new Uint8Array(words.buffer)).toString('hex');
    const known = ids.get(hash);
    if (known !== undefined) return [known, id];
    ids.set(hash, id);
  }
}
