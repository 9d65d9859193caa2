/**
 * Every process of a cluster is restarted, one after the other, behind balancers that honour /ready, while senders send and
 * readers ask all the time: no request fails, no answer lacks a span that was acknowledged before it was asked for, and at
 * the end each span is there once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backend, Balancer } from '../support/balancer.ts';
import {
  countByRequest,
  makeRequest,
  quickCluster,
  type SentRequest,
  spanIdsOf,
  spansPerTrace,
  startRole,
} from '../support/cluster.ts';
import { postSpans, type TestServer, temporaryFolder } from '../support/server.ts';

const roles = ['write', 'write', 'read', 'read', 'backend', 'backend'] as const;
type Role = (typeof roles)[number];
const tracesPerRequest = 4;

interface Place {
  readonly role: Role;
  server: TestServer;
  backend: Backend;
}

test('a rolling restart of all roles fails no request and loses no span', { timeout: 600_000 }, async (context) => {
  const folder = temporaryFolder('rolling');
  context.after(folder.remove);
  const options = {
    folder: folder.path,
    storage: { backend: 'local', local: { path: `${folder.path}/store` } },
    config: {
      shutdown_delay: '1500ms',
      cluster: { ...quickCluster, dead_after: '60s' },
      live_store: { max_block_duration: '2s' },
      backend_scheduler: { maintenance_interval: '1s' },
    },
  };
  const balancers = { write: new Balancer(), read: new Balancer() };
  context.after(() => {
    for (const balancer of Object.values(balancers)) balancer.close();
  });
  const open = async (role: Role): Promise<Place> => {
    const server = await startRole(role, options);
    const address = new URL(role === 'write' ? server.otlpHttp : server.http).host;
    const backend = { address, ready: `${server.http}/ready` };
    if (role !== 'backend') {
      balancers[role].add(backend);
      await balancers[role].ask();
    }
    return { role, server, backend };
  };
  const places: Place[] = [];
  context.after(() => Promise.all(places.map(({ server }) => server.kill())));
  for (const role of roles) places.push(await open(role));
  const [writers, readers] = [await balancers.write.listen(), await balancers.read.listen()];

  const startSeconds = Math.floor(Date.now() / 1000) - 5;
  const acknowledged: SentRequest[] = [];
  let answers = 0;
  let running = true;
  const failures: string[] = [];
  const keep = async (what: string, pauseMs: number, once: () => Promise<void>): Promise<void> => {
    while (running) {
      await once().catch((error: Error) => failures.push(`${new Date().toISOString()} ${what}: ${error.message}`));
      await sleep(pauseMs);
    }
  };
  const work = [
    ...[1, 2].map(() =>
      keep('send', 40, async () => {
        const request = makeRequest(tracesPerRequest, Date.now());
        assert.equal(await postSpans(`${writers}/v1/traces`, request.body), 200);
        acknowledged.push(request);
      }),
    ),
    keep('trace by id', 60, async () => {
      const request = acknowledged.at(-1);
      if (request === undefined) return;
      assert.equal((await spanIdsOf(readers, request.traceIds[0]!)).length, spansPerTrace);
      answers++;
    }),
    keep('metrics', 200, async () => {
      const before = [...acknowledged];
      const counts = await countByRequest(readers, startSeconds);
      for (const { id } of before) assert.equal(counts.get(id), tracesPerRequest * spansPerTrace, `spans of ${id}`);
      answers++;
    }),
  ];
  for (const place of places) {
    const { role, server, backend } = place;
    await sleep(500);
    assert.equal(await server.stop(), 0, `${role} ends with code 0:\n${server.log()}`);
    if (role !== 'backend') balancers[role].remove(backend);
    Object.assign(place, await open(role));
  }
  await sleep(1000);
  running = false;
  await Promise.all(work);
  assert.deepEqual(failures, []);
  const counts = await countByRequest(readers, startSeconds);
  assert.equal(counts.size, acknowledged.length);
  for (const [id, count] of counts) assert.equal(count, tracesPerRequest * spansPerTrace, `spans of ${id}`);
  assert.ok(acknowledged.length > 50 && answers > 50);
  context.diagnostic(
    `${acknowledged.length} requests of ${tracesPerRequest * spansPerTrace} spans, ${answers} answers`,
  );
});
