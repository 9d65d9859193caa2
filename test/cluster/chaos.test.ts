import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/random.ts';
import { LocalObjectStore } from '../../src/objectstore/local.ts';
import { temporaryFolder } from '../support/server.ts';
import { chaos, randomSeed } from './chaos.ts';

test('processes of every role die over one folder; no answer is short, nothing is lost or doubled', async () => {
  const folder = temporaryFolder('chaos-store');
  const root = path.join(folder.path, 'store');
  const store = await LocalObjectStore.open({ root, clock: systemClock, rng: systemRng });
  const result = await chaos({
    writers: 2,
    readers: 1,
    backends: 1,
    storage: { local: { path: root } },
    store,
    spansMin: 5_000,
    chaosMs: 5_000,
    killEveryMs: 700,
    killsMax: 7,
    samples: 15,
    seed: randomSeed(),
  });
  assert.ok(result.completeAnswers > 0, 'queries were answered');
  assert.ok(
    Object.values(result.kills).every((kills) => kills > 0),
    'every role was hit',
  );
  folder.remove();
});
