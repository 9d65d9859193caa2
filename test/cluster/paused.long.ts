/**
 * A process with writer and reader that stands still until a backend has taken it for dead and adopted its segments. Awake
 * again it goes on by itself, under another writer id, and everything that was acknowledged is there once.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/random.ts';
import { LocalObjectStore } from '../../src/objectstore/local.ts';
import { countByRequest, makeRequest, type SentRequest, spansPerTrace, startRoles } from '../support/cluster.ts';
import { postSpans, type TestServer, temporaryFolder } from '../support/server.ts';

const traces = 10;
const waitMsMax = 60_000;

test('a writer that was paused until others took it for dead goes on in the same process', async () => {
  const folder = temporaryFolder('paused');
  const root = path.join(folder.path, 'store');
  const options = {
    folder: folder.path,
    storage: { local: { path: root } },
    config: { live_store: { max_block_duration: '10m' } },
  };
  const startUnixSeconds = Math.floor(Date.now() / 1000) - 5;
  const servers = await startRoles(['write,read', 'backend', 'read'], options);
  const [server, backend, reader] = servers as [TestServer, TestServer, TestServer];
  const store = await LocalObjectStore.open({ root, clock: systemClock, rng: systemRng });
  const acknowledged: SentRequest[] = [];
  const send = async (): Promise<boolean> => {
    const request = makeRequest(traces, Date.now());
    if ((await postSpans(server.otlpHttp, request.body)) !== 200) return false;
    acknowledged.push(request);
    return true;
  };
  const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
    for (const deadline = Date.now() + waitMsMax; !(await isSo()); await systemClock.sleep(100))
      assert.ok(Date.now() < deadline, `${what}\n${server.log().slice(-2000)}\n${backend.log().slice(-2000)}`);
  };
  const check = async (http: string): Promise<void> => {
    const counts = await countByRequest(http, startUnixSeconds);
    for (const { id } of acknowledged) assert.equal(counts.get(id), traces * spansPerTrace);
  };
  const segmentCount = async (): Promise<number> => {
    let count = 0;
    for await (const _ of store.list('wal/')) count++;
    return count;
  };
  try {
    for (let round = 1; round <= 2; round++) {
      for (let i = 0; i < 5; i++) await until('spans are taken', send);
      process.kill(server.pid, 'SIGSTOP');
      await until('its segments are in blocks', async () => (await segmentCount()) === 0);
      await check(reader.http);
      process.kill(server.pid, 'SIGCONT');
      await check(server.http);
      await until('spans are taken again', send);
      await Promise.all([check(server.http), check(reader.http)]);
      assert.equal(server.log().match(/goes on with another id/g)?.length, round);
    }
    assert.equal(await server.stop(), 0);
    await check(reader.http);
  } finally {
    await Promise.all(servers.map((process) => process.kill()));
    folder.remove();
  }
});
