import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import fc from 'fast-check';
import { type FakePodOptions, fakePod } from '../../../test/support/kubernetes-api.ts';
import { PodIndex } from './pod-index.ts';
import { type PodRecord, podRecord } from './pod-record.ts';

const second = 1000;
const record = (options: FakePodOptions): PodRecord => podRecord(fakePod(options) as unknown as V1Pod);
const nameAt = (index: PodIndex, ip: string, atMs: number): string | undefined => {
  const owner = index.byIp(ip, atMs);
  return owner === undefined || owner === 'ambiguous' ? owner : owner.name;
};

test('an address is its pod’s from its start to its end, and then the next one’s', () => {
  const index = new PodIndex();
  const old = { name: 'old', ip: '10.0.0.1', startedMs: 10 * second };
  index.set(record(old), 10 * second);
  index.set(record({ ...old, phase: 'Succeeded', finishedMs: 20 * second }), 21 * second);
  index.end('uid-old', 25 * second);
  index.set(record({ name: 'new', ip: '10.0.0.1', startedMs: 30 * second }), 31 * second);
  assert.equal(nameAt(index, '10.0.0.1', 9 * second), undefined);
  assert.equal(nameAt(index, '10.0.0.1', 15 * second), 'old');
  assert.equal(nameAt(index, '10.0.0.1', 22 * second), undefined);
  assert.equal(nameAt(index, '10.0.0.1', 31 * second), 'new');
  assert.equal(index.byUid('uid-old')?.name, 'old');
});

test('a pod that is over keeps the address that the API forgets', () => {
  const index = new PodIndex();
  index.set(record({ name: 'job', ip: '10.0.0.1', startedMs: 0 }), 0);
  index.set(record({ name: 'job', ip: '', startedMs: 0, phase: 'Failed', finishedMs: 9 * second }), 12 * second);
  assert.equal(nameAt(index, '10.0.0.1', 5 * second), 'job');
  assert.equal(nameAt(index, '10.0.0.1', 11 * second), undefined);
});

test('what a list does not have any more has ended; what ended long ago is forgotten', () => {
  const index = new PodIndex();
  index.replaceAll([record({ name: 'a', ip: '10.0.0.1', startedMs: 0 })], 0);
  index.replaceAll([record({ name: 'b', ip: '10.0.0.2', startedMs: 0 })], 60 * second);
  assert.equal(nameAt(index, '10.0.0.1', 59 * second), 'a');
  assert.equal(nameAt(index, '10.0.0.1', 61 * second), undefined);
  assert.deepEqual(
    index.records().map(({ name }) => name),
    ['b'],
  );
  index.sweep(3600 * second);
  assert.equal(index.size, 1);
  assert.equal(index.byUid('uid-a'), undefined);
});

test('host-network pods have no address of their own', () => {
  const index = new PodIndex();
  index.set(record({ name: 'proxy', ip: '10.9.0.1', hostNetwork: true, startedMs: 0 }), 0);
  assert.equal(nameAt(index, '10.9.0.1', second), undefined);
  assert.ok(index.isNodeIp('10.9.0.1'));
  index.end('uid-proxy', second);
  index.sweep(3600 * second);
  assert.ok(!index.isNodeIp('10.9.0.1'));
});

test('however pods follow each other on an address, no request is given to another pod than its sender', () => {
  // A life: how long nobody has the address, how long the pod has it, when its end is seen late, and if it is by phase.
  const life = fc.record({
    gapMs: fc.integer({ min: 0, max: 3000 }),
    lifeMs: fc.integer({ min: 1, max: 5000 }),
    lagMs: fc.integer({ min: 0, max: 2500 }),
    saysEnd: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(life, { minLength: 1, maxLength: 6 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      (lives, places) => {
        const events: { atMs: number; run: (index: PodIndex) => void }[] = [];
        const truth: { name: string; fromMs: number; toMs: number }[] = [];
        let nowMs = 100_000;
        lives.forEach(({ gapMs, lifeMs, lagMs, saysEnd }, n) => {
          const fromMs = nowMs + gapMs;
          const toMs = fromMs + lifeMs;
          const pod = { name: `pod-${n}`, ip: '10.0.0.1', startedMs: fromMs };
          truth.push({ name: pod.name, fromMs, toMs });
          events.push({ atMs: fromMs, run: (index) => void index.set(record(pod), fromMs) });
          const over = { ...pod, phase: 'Succeeded', finishedMs: toMs };
          if (saysEnd) events.push({ atMs: toMs, run: (index) => void index.set(record(over), toMs + lagMs) });
          events.push({ atMs: toMs + lagMs, run: (index) => index.end(`uid-${pod.name}`, toMs + lagMs) });
          nowMs = toMs;
        });
        const index = new PodIndex();
        for (const { run } of events.sort((a, b) => a.atMs - b.atMs)) run(index);
        for (const place of places) {
          const one = truth[Math.floor(place * 0.999 * truth.length)]!;
          const atMs = one.fromMs + Math.floor(((place * 997) % 1) * (one.toMs - one.fromMs));
          const owner = nameAt(index, '10.0.0.1', atMs);
          if (owner === undefined || owner === 'ambiguous') continue;
          assert.equal(owner, one.name, `at ${atMs} of ${JSON.stringify(truth)}`);
        }
        // And in the middle of a long life its own pod is found, unless one before it began in the same second.
        truth.forEach(({ name, fromMs, toMs }, n) => {
          const isAlone = Math.floor((truth[n - 1]?.fromMs ?? 0) / second) < Math.floor(fromMs / second);
          if (isAlone && toMs - fromMs > 2 * second) assert.equal(nameAt(index, '10.0.0.1', fromMs + second), name);
        });
      },
    ),
    { numRuns: 300 },
  );
});
