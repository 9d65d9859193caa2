import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { SeededRng } from '../../base/random.ts';
import { buildBlockOf } from '../../block/build.ts';
import { ManifestStore } from '../../block/manifest.ts';
import { blockFileKey } from '../../block/manifest-keys.ts';
import { plainSpan, tableToSpans } from '../../model/plain-span.ts';
import type { SpanTableData } from '../../model/span-table.ts';
import { FailingObjectStore } from '../../objectstore/failing.ts';
import { MemoryObjectStore } from '../../objectstore/memory.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { segmentKey } from '../../wal/segment-keys.ts';
import { SegmentWriter } from '../../wal/segment-writer.ts';
import { replay } from './replay.ts';
import { Writer, type WriterOptions } from './writer.ts';

const clock = new ManualClock();
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
let blockNumber = 0;

/** A writer over a store, with blocks built in this thread. */
function start(
  store: ObjectStore,
  writerId: string,
  options: Partial<WriterOptions> = {},
): { writer: Writer; manifest: ManifestStore } {
  const manifest = new ManifestStore(store, clock, new SeededRng(blockNumber + 1));
  const writer = new Writer({
    writerId,
    clock,
    manifest,
    builder: {
      async build(tenant: string, data: SpanTableData) {
        const id = `block-${blockNumber++}`;
        const { parts, ...summary } = buildBlockOf(data);
        for (const [file, bytes] of parts) await store.put(blockFileKey(tenant, id, file), bytes);
        return { id, ...summary, level: 0, createdUnixMs: clock.nowMs() };
      },
    },
    limitsOf: () => ({ rateLimitBytes: 0, burstSizeBytes: 0, retryAfterMs: 5000, attributeBytesMax: 2048 }),
    deleteSegments: async (owner, seqs) => {
      for (const seq of seqs) await store.delete(segmentKey(owner, seq));
    },
    blockSpansMax: 1000,
    blockAgeMsMax: 60_000,
    frozenSpansMax: 2000,
    waitingBytesMax: 1_000_000,
    onChange: () => undefined,
    log,
    ...options,
  });
  writer.attach(
    new SegmentWriter({
      store,
      writer: writerId,
      clock,
      lingerMs: 0,
      segmentBytesMax: 1_000_000,
      inFlightMax: 2,
      pendingBytesMax: 10_000_000,
      onCut: (seq) => writer.onCut(seq),
      onDurable: (seq) => writer.onDurable(seq),
      onFailed: (seq, error) => writer.onFailed(seq, error),
    }),
  );
  return { writer, manifest };
}

let spanNumber = 1;
function spans(count: number): Uint8Array {
  return plainSpansToOtlp(
    Array.from({ length: count }, () => {
      const id = (spanNumber++).toString(16);
      return plainSpan({ traceId: id.padStart(32, '0'), spanId: id.padStart(16, '0'), name: `span ${id}` });
    }),
  );
}

const replayOptions = (store: ObjectStore, writerId: string, { writer, manifest }: ReturnType<typeof start>) => ({
  store,
  manifest,
  writer,
  ownWriterId: writerId,
  attributeBytesMax: () => 2048,
  blockSpansMax: 1000,
  log,
});

const visible = (writer: Writer, tenant = 't'): number =>
  writer.live(tenant).tables.reduce((sum, table) => sum + table.data.spanCount, 0);

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
}

const push = (writer: Writer, body: Uint8Array, tenant = 't'): Promise<void> =>
  writer.push(tenant, body, { noGenerateMetrics: false });

test('spans are visible once they are durable, to their tenant alone', async () => {
  const { writer } = start(new MemoryObjectStore(), 'w1');
  await push(writer, spans(3));
  await push(writer, spans(2), 'other');
  assert.equal(visible(writer), 3);
  assert.equal(visible(writer, 'other'), 2);
  assert.equal(visible(writer, 'nobody'), 0);
  assert.equal(tableToSpans(writer.live('t').tables[0]!.data).length, 3);
});

test('a damaged request is refused whole and stores nothing', async () => {
  const store = new MemoryObjectStore();
  const { writer } = start(store, 'w2');
  const body = spans(5);
  await assert.rejects(
    push(writer, body.subarray(0, body.length - 3)),
    (error: unknown) => error instanceof RubatoError && error.kind === ErrorKind.invalid,
  );
  assert.equal(visible(writer), 0);
  assert.deepEqual(await keys(store, 'wal/'), []);
});

test('spans of a segment that could not be stored stay invisible and their senders hear of it', async () => {
  let broken = true;
  const store = new FailingObjectStore(new MemoryObjectStore(), clock, (operation) =>
    broken && operation === 'put' ? { error: 'before' } : undefined,
  );
  const { writer } = start(store, 'w3');
  await assert.rejects(
    push(writer, spans(4)),
    (error: unknown) => error instanceof RubatoError && error.kind === ErrorKind.unavailable,
  );
  assert.equal(visible(writer), 0);
  broken = false;
  await push(writer, spans(2));
  assert.equal(visible(writer), 2);
});

test('a table becomes a block at a segment’s end; then neither table nor segments are left', async () => {
  const store = new MemoryObjectStore();
  const { writer, manifest } = start(store, 'w4');
  await push(writer, spans(700));
  await push(writer, spans(700));
  await push(writer, spans(10));
  await writer.flush();
  assert.equal(visible(writer), 0);
  const state = await manifest.load('t');
  assert.equal(
    [...state.blocks.values()].reduce((sum, block) => sum + block.spanCount, 0),
    1410,
  );
  assert.equal(writer.live('t').manifestVersion, state.version);
  assert.deepEqual(await keys(store, 'wal/'), []);
});

test('what a dead writer had acknowledged is live again, exactly once', async () => {
  const store = new MemoryObjectStore();
  const dead = start(store, 'dead');
  await push(dead.writer, spans(1200));
  await dead.writer.flush();
  await push(dead.writer, spans(30));
  await push(dead.writer, spans(12), 'other');

  const next = start(store, 'next');
  const result = await replay(replayOptions(store, 'next', next));
  assert.equal(result.spans, 42);
  assert.equal(visible(next.writer), 30);
  assert.equal(visible(next.writer, 'other'), 12);
  await next.writer.flush();
  const state = await next.manifest.load('t');
  assert.equal(
    [...state.blocks.values()].reduce((sum, block) => sum + block.spanCount, 0),
    1230,
  );
  assert.deepEqual(await keys(store, 'wal/'), []);

  const third = start(store, 'third');
  assert.deepEqual(await replay(replayOptions(store, 'third', third)), { segments: 0, spans: 0, skipped: [] });
});

test('a damaged segment is set aside and the others are replayed', async () => {
  const store = new MemoryObjectStore();
  const dead = start(store, 'torn');
  await push(dead.writer, spans(5));
  await push(dead.writer, spans(6));
  await push(dead.writer, spans(7));
  const [, second] = await keys(store, 'wal/torn/');
  const bytes = await store.get(second!);
  await store.put(second!, bytes.subarray(0, bytes.length - 1));

  const next = start(store, 'mender');
  const result = await replay(replayOptions(store, 'mender', next));
  assert.equal(result.spans, 12);
  assert.deepEqual(
    result.skipped.map((skipped) => skipped.key),
    [second],
  );
  assert.deepEqual(await keys(store, 'damaged/'), [`damaged/${second}`]);
});

test('a tenant over its rate is refused before anything is stored, others are not', async () => {
  const store = new MemoryObjectStore();
  const body = spans(10);
  const { writer } = start(store, 'w5', {
    limitsOf: (tenant) => ({
      rateLimitBytes: tenant === 't' ? body.length : 0,
      burstSizeBytes: body.length,
      retryAfterMs: 5000,
      attributeBytesMax: 0,
    }),
  });
  await push(writer, body);
  await assert.rejects(push(writer, spans(10)), /RATE_LIMITED/);
  await push(writer, spans(10), 'other');
  assert.equal(visible(writer), 10);
  await clock.advance(1000);
  await push(writer, spans(10));
  await assert.rejects(push(writer, spans(20)), /batch size/);
});

test('a request that brings more live traces than a tenant may have is refused whole', async () => {
  const outcomes: string[] = [];
  const { writer } = start(new MemoryObjectStore(), 'w-traces', {
    limitsOf: () => ({
      rateLimitBytes: 0,
      burstSizeBytes: 0,
      retryAfterMs: 5000,
      attributeBytesMax: 0,
      liveTracesMax: 3,
    }),
    observer: {
      stored: ({ from, to }) => outcomes.push(`rows ${from} to ${to}`),
      refused: ({ error }) => outcomes.push((error as RubatoError).code),
    },
  });
  await push(writer, spans(2));
  await assert.rejects(push(writer, spans(2)), /LIVE_TRACES_EXCEEDED/);
  assert.equal(visible(writer), 2);
  await push(writer, spans(1));
  await writer.flush();
  await push(writer, spans(3), 't');
  assert.equal(visible(writer), 3);
  assert.deepEqual(outcomes, ['rows 0 to 2', 'live_traces_exceeded', 'rows 2 to 3', 'rows 0 to 3']);

  await clock.advance(5_000);
  await assert.rejects(push(writer, spans(1)), /LIVE_TRACES_EXCEEDED/);
  writer.tick();
  await push(writer, spans(1));
});

test('answers are held back as long as a tenant is told to wait', async () => {
  const { writer } = start(new MemoryObjectStore(), 'w-delay', {
    limitsOf: () => ({
      rateLimitBytes: 0,
      burstSizeBytes: 0,
      retryAfterMs: 0,
      attributeBytesMax: 0,
      answerDelayMs: 10_000,
    }),
  });
  let answered = false;
  const pushed = push(writer, spans(1)).then(() => {
    answered = true;
  });
  for (let turn = 0; turn < 1000 && visible(writer) === 0; turn++) {
    await clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(visible(writer), 1);
  assert.equal(answered, false);
  await clock.advance(10_000);
  await pushed;
});

test('when building falls behind senders wait, and beyond the bound are refused', async () => {
  const building = Promise.withResolvers<void>();
  const store = new MemoryObjectStore();
  const { writer } = start(store, 'w6', {
    frozenSpansMax: 1500,
    waitingBytesMax: 40_000,
    builder: {
      async build(_tenant: string, data: SpanTableData) {
        await building.promise;
        const { parts: _parts, ...summary } = buildBlockOf(data);
        return { id: `slow-${blockNumber++}`, ...summary, level: 0, createdUnixMs: 0 };
      },
    },
  });
  await push(writer, spans(1000));
  await push(writer, spans(1000));
  const waiting = push(writer, spans(100));
  await assert.rejects(
    push(writer, spans(1000)),
    (error: unknown) => error instanceof RubatoError && error.kind === ErrorKind.exhausted,
  );
  building.resolve();
  await waiting;
});
