/**
 * Ingest, two backends and crashes at any point over one bucket that fails at times: at every moment a query sees each
 * span exactly once, and in the end nothing is left over.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SeededRng } from '../../base/random.ts';
import type { PlainSpan } from '../../block/testing/plain-spans.ts';
import { FailingObjectStore, type FaultDecision, seededFaults } from '../../objectstore/failing.ts';
import type { Backend } from './backend.ts';
import { Bucket, hourMs, settings, smallCompaction, someSpans } from './testing/bucket.ts';

const retentionMs = 20 * hourMs;
const faults = { errorBefore: 0.02, errorAfter: 0.02, tornRead: 0.02 };

/** Ends with everything failing after some operations, as if the process had died before or after one of them. */
function mortal(rng: SeededRng, operationsMax: number): FaultDecision {
  const faulty = seededFaults(rng, faults);
  let left = Math.floor(rng.float() * operationsMax);
  const last = rng.float() < 0.5 ? 'before' : 'after';
  return (operation, key) => {
    if (left-- > 0) return faulty(operation, key);
    return { error: left === -1 ? last : 'before' };
  };
}

function startBackend(bucket: Bucket, rng: SeededRng): Backend {
  return bucket.backend({
    seed: rng.uint32(),
    store: new FailingObjectStore(bucket.store, bucket.clock, mortal(rng, 300)),
    settingsOf: () =>
      settings({
        retention: { retentionMs, retentionBytes: 0 },
        compaction: { ...smallCompaction, inputsMax: 2 + Math.floor(rng.float() * 5) },
      }),
  });
}

interface Sent {
  readonly span: PlainSpan;
  readonly sentMs: number;
}

class Ingest {
  readonly bucket: Bucket;
  readonly rng: SeededRng;
  sent: Sent[] = [];

  constructor(bucket: Bucket, rng: SeededRng) {
    this.bucket = bucket;
    this.rng = rng;
  }

  /** New spans, some of a few long traces, and some that were sent before. */
  async block(): Promise<void> {
    const nowMs = this.bucket.clock.nowMs();
    const long = `${Math.floor(this.rng.float() * 3)}`.repeat(32);
    const fresh = [
      ...someSpans(1 + Math.floor(this.rng.float() * 20), nowMs),
      ...someSpans(Math.floor(this.rng.float() * 3), nowMs, long),
    ];
    const again = this.sent.slice(-30).filter(() => this.rng.float() < 0.05);
    await this.bucket.putBlock([...fresh, ...again.map(({ span }) => span)]);
    // What was sent again is as young as its second time.
    this.sent = this.sent.filter((one) => !again.includes(one));
    this.sent.push(...[...fresh, ...again.map(({ span }) => span)].map((span) => ({ span, sentMs: nowMs })));
  }

  /** No span twice, none that was never sent, and all that are young. */
  async assertVisible(context: string): Promise<void> {
    const seen = await this.bucket.spanIds();
    const distinct = new Set(seen);
    assert.equal(distinct.size, seen.length, `${context}: a span is there twice`);
    const young = this.sent.filter(({ sentMs }) => this.bucket.clock.nowMs() - sentMs < retentionMs - 2 * hourMs);
    for (const { span } of young) assert.ok(distinct.has(span.spanId), `${context}: span ${span.spanId} is lost`);
    const all = new Set(this.sent.map(({ span }) => span.spanId));
    assert.ok(
      seen.every((id) => all.has(id)),
      context,
    );
  }
}

async function simulate(seed: number): Promise<void> {
  const rng = new SeededRng(seed);
  const bucket = new Bucket(seed);
  const ingest = new Ingest(bucket, rng);
  const backends = [startBackend(bucket, rng), startBackend(bucket, rng)];
  for (let round = 0; round < 25; round++) {
    const context = `seed ${seed}, round ${round}`;
    const working = Promise.all(backends.map((backend) => backend.maintain().catch(() => undefined)));
    for (let i = Math.floor(rng.float() * 5); i > 0; i--) {
      await ingest.block();
      for (let turn = 0; turn < 3; turn++) await setImmediate();
    }
    // Also in the middle of whatever they are doing.
    if (rng.float() < 0.5) await ingest.assertVisible(context);
    const which = Math.floor(rng.float() * 2);
    if (rng.float() < 0.3) await backends[which]!.stop();
    await working;
    await ingest.assertVisible(context);
    if (rng.float() < 0.5) backends[which] = startBackend(bucket, rng);
    bucket.clock.pass(rng.float() * 2 * hourMs);
  }
  const last = bucket.backend({ seed, settingsOf: () => settings({ retention: { retentionMs, retentionBytes: 0 } }) });
  for (let i = 0; i < 3; i++) {
    await last.maintain();
    await ingest.assertVisible(`seed ${seed}, end`);
    bucket.clock.pass(1.1 * hourMs);
  }
  bucket.clock.pass(26 * hourMs);
  await last.maintain();
  bucket.clock.pass(hourMs);
  await last.maintain();
  await bucket.assertNoOrphans();
  assert.equal((await bucket.state()).blocks.size, 0, `seed ${seed}: everything is too old`);
  assert.deepEqual(await bucket.keys('tenants/t/blocks/'), []);
}

test('no span is lost or doubled by compaction, retention, faults and crashes, and nothing is left over', async () => {
  for (let seed = 1; seed <= 5; seed++) await simulate(seed);
});
