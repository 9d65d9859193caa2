/** What a process with all roles asks a bucket for when there is nothing to do: listings cost twelve times a get. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '../base/clock.ts';
import { SeededRng } from '../base/random.ts';
import { ManifestStore } from '../block/manifest.ts';
import { CountingObjectStore } from '../objectstore/counting.ts';
import { Adopter } from './backend/adopter.ts';
import { Bucket } from './backend/testing/bucket.ts';
import { encodeMember, memberKey } from './members/member-keys.ts';
import { Tenure } from './members/tenure.ts';
import { WriterDirectory } from './members/writer-directory.ts';
import { SegmentHold } from './metrics/segment-hold.ts';
import { RecentSegments } from './tail/recent-segments.ts';
import { SegmentTail } from './tail/segment-tail.ts';

// The defaults of the configuration.
const discoveryMs = 3_000;
const renewMs = 10_000;
const deadAfterMs = 60_000;
const maintenanceIntervalMs = 60_000;
const minutes = 20;

test('an idle process makes at most ten listings a minute, and finds a new writer at once when it is asked', async () => {
  const bucket = new Bucket();
  const clock = new ManualClock();
  const store = new CountingObjectStore(bucket.store);
  const rng = new SeededRng(3);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const member = { address: 'a:1', token: 't' };
  const tenure = new Tenure({ store, clock, writer: 'own', member, renewMs, onLost: assert.fail, log });
  await tenure.begin();
  const manifest = new ManifestStore(store, clock, rng);
  const adopter = new Adopter({
    store,
    manifest,
    clock,
    rng,
    deadAfterMs,
    blockSpansMax: 1000,
    attributeBytesMax: () => 0,
    pace: async () => undefined,
    onManifest: () => undefined,
    hold: new SegmentHold({ store, clock, holdMsMax: 60_000 }),
    log,
  });
  const backend = bucket.backend({ store, manifest, clock, maintenanceIntervalMs });
  const asked: string[] = [];
  const tail = new SegmentTail({
    store,
    clock,
    directory: new WriterDirectory({ store, clock, intervalMs: discoveryMs }),
    ask: async (writer) => {
      asked.push(writer);
      return new RecentSegments(1000).since(0, 1000);
    },
    onSegment: () => assert.fail('nobody writes'),
    followMs: 200,
    log,
  });
  const abort = new AbortController();
  const running = [adopter.run(abort.signal), backend.run(), tail.run(() => 'own')];
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 200) {
      await clock.advance(200);
      await setImmediate();
    }
  };
  await pass(60_000);
  store.reset();
  await pass(minutes * 60_000);
  const { list, get, put } = store.counts;
  const perMinute = [list, get, put].map(({ requests }) => requests / minutes);
  assert.ok(perMinute[0]! > 0.5 && perMinute[0]! <= 10, `${perMinute} listings, gets and puts a minute`);
  assert.ok(perMinute[1]! <= 30 && perMinute[2]! <= 7, `${perMinute} listings, gets and puts a minute`);

  await store.put(memberKey('new'), encodeMember(member, clock.nowMs()));
  await clock.advance(discoveryMs + 1);
  await tail.catchUp('own');
  assert.ok(asked.includes('new'));

  abort.abort();
  tail.stop();
  await Promise.all([backend.stop(), tenure.end(), ...running]);
});
