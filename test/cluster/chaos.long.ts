import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../../src/base/random.ts';
import { S3ObjectStore } from '../../src/objectstore/s3.ts';
import { missingCeph, startCeph } from '../support/ceph.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { chaos, randomSeed } from './chaos.ts';

const bucket = 'chaos';

test('three writers, two readers and two backends over a Ceph gateway that fails, while all of them die at random', {
  skip: missingCeph(),
}, async () => {
  const seed = randomSeed();
  const ceph = await startCeph();
  try {
    await ceph.createBucket(bucket);
    const faults = {
      errorBefore: 0.01,
      errorAfter: 0.01,
      resetBefore: 0.01,
      tornAnswer: 0.01,
      late: 0.05,
      lateMsMax: 1_500,
    };
    const proxy = await startFaultProxy(ceph.endpoint, faults, new SeededRng(seed));
    const keys = { bucket, access_key: ceph.accessKey, secret_key: ceph.secretKey };
    const result = await chaos({
      writers: 3,
      readers: 2,
      backends: 2,
      storage: {
        backend: 's3',
        s3: { ...keys, endpoint: proxy.endpoint, insecure: true, forcepathstyle: true },
        wal: { linger: '100ms' },
      },
      store: new S3ObjectStore({
        bucket,
        endpoint: ceph.endpoint,
        insecure: true,
        pathStyle: true,
        credentials: { accessKey: ceph.accessKey, secretKey: ceph.secretKey },
      }),
      // Requests that are late by seconds must not make a living writer look dead.
      cluster: { discovery_interval: '1s', renew_interval: '1s', dead_after: '15s', ask_timeout: '1s' },
      spansMin: 100_000,
      chaosMs: 120_000,
      killEveryMs: 2_500,
      samples: 60,
      seed,
    });
    await proxy.close();
    console.log(JSON.stringify({ ...result, storeFaults: proxy.faultCount() }));
    assert.ok(result.acknowledgedSpans >= 100_000);
    assert.ok(result.completeAnswers > 0, 'queries were answered');
    assert.ok(
      Object.values(result.kills).every((kills) => kills > 3),
      'every role was hit',
    );
  } finally {
    await ceph.stop();
  }
});
