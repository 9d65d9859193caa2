import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { FakeKubernetesApi, fakePod } from '../../../test/support/kubernetes-api.ts';
import { systemClock } from '../../base/clock.ts';
import { SeededRng } from '../../base/random.ts';
import { ApiClient } from './api-client.ts';
import { Mirrors } from './mirror.ts';
import type { PodRecord } from './pod-record.ts';
import { pods } from './resources.ts';

let api: FakeKubernetesApi;
let url: URL;
let abort: AbortController;
let running: Promise<void>;

before(async () => {
  api = new FakeKubernetesApi();
  url = new URL(await api.listen());
});
after(() => api.close());
beforeEach(() => {
  abort = new AbortController();
});

/** A mirror of the pods' names, by uid. */
function mirror(selection = {}): { names: Map<string, string>; mirrors: Mirrors } {
  const names = new Map<string, string>();
  const client = new ApiClient({ url, requestOptions: async () => ({ headers: { authorization: 'Bearer secret' } }) });
  const mirrors = new Mirrors({ client, clock: systemClock, rng: new SeededRng(1) });
  const set = ({ uid, name }: PodRecord): void => void names.set(uid, name);
  mirrors.listen(pods, selection, {
    onList(records) {
      names.clear();
      records.forEach(set);
    },
    onSet: set,
    onGone: ({ uid }) => void names.delete(uid),
  });
  running = mirrors.run(abort.signal);
  return { names, mirrors };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), what);
}

async function stop(): Promise<void> {
  abort.abort();
  await running;
}

test('lists in pages, then follows changes; the token goes with every request', async () => {
  for (let i = 0; i < 450; i++) api.set('pods', fakePod({ name: `p-${i}`, ip: `10.0.${i >> 8}.${i & 255}` }));
  const { names, mirrors } = mirror();
  await until(() => names.size === 450, 'all pages');
  assert.equal(api.requests.filter(({ query }) => query.has('limit')).length, 3);
  await until(() => api.watchCount === 1, 'a watch');
  api.set('pods', fakePod({ name: 'late', ip: '10.1.0.1' }));
  api.delete('pods', 'uid-p-7');
  await until(() => names.has('uid-late') && !names.has('uid-p-7'), 'changes');
  assert.ok(api.requests.every(({ token }) => token === 'Bearer secret'));
  assert.deepEqual(mirrors.status()[0]!.failures, 0);
  await stop();
});

test('after a dropped connection nothing is missed and nothing is listed again, thanks to bookmarks', async () => {
  const { names, mirrors } = mirror();
  await until(() => api.watchCount === 1, 'a watch');
  // Changes of other kinds move the version on; only a bookmark tells us.
  for (let i = 0; i < 5; i++)
    api.set('services', { metadata: { name: `s-${i}`, namespace: 'shop', uid: `uid-s-${i}` } });
  api.bookmark();
  await new Promise((resolve) => setTimeout(resolve, 50));
  api.forgetHistory();
  api.dropConnections();
  api.set('pods', fakePod({ name: 'meanwhile', ip: '10.1.0.2' }));
  await until(() => names.has('uid-meanwhile'), 'what happened meanwhile');
  api.endWatches();
  api.delete('pods', 'uid-meanwhile');
  await until(() => !names.has('uid-meanwhile'), 'after the planned end of a watch');
  assert.equal(mirrors.status()[0]!.lists, 1);
  assert.equal(mirrors.status()[0]!.gone, 0);
  await stop();
});

test('410, at the start of a watch or in its stream, leads to a new list', async () => {
  const { names, mirrors } = mirror();
  await until(() => api.watchCount === 1, 'a watch');
  api.dropConnections();
  api.delete('pods', 'uid-p-1');
  api.forgetHistory();
  await until(() => !names.has('uid-p-1'), 'what was forgotten is seen in the list');
  await until(() => api.watchCount === 1, 'a watch again');
  api.delete('pods', 'uid-p-2');
  api.expireWatches();
  await until(() => mirrors.status()[0]!.lists === 3, 'a third list');
  assert.equal(mirrors.status()[0]!.gone, 2);
  assert.ok(!names.has('uid-p-2'));
  await stop();
});

test('an API that is down is asked again with pauses, and what was known stays', async () => {
  const { names, mirrors } = mirror();
  await until(() => names.size > 400, 'a list');
  api.isBroken = true;
  api.dropConnections();
  await until(() => mirrors.status()[0]!.failures >= 3, 'failures');
  assert.match(mirrors.status()[0]!.lastError!, /etcd is down/);
  assert.ok(mirrors.status()[0]!.failures < 20, 'with pauses');
  assert.ok(names.size > 400);
  api.isBroken = false;
  api.set('pods', fakePod({ name: 'back', ip: '10.1.0.3' }));
  await until(() => names.has('uid-back'), 'changes again');
  await stop();
});

test('selectors choose: a node, a namespace, labels', async () => {
  api.set('pods', fakePod({ name: 'other-node', ip: '10.2.0.1', nodeName: 'node-2', labels: { app: 'x' } }));
  api.set('pods', fakePod({ name: 'other-space', ip: '10.2.0.2', nodeName: 'node-2', namespace: 'infra' }));
  const onNode = mirror({ fieldSelector: 'spec.nodeName=node-2' });
  await until(() => onNode.names.size === 2, 'of the node');
  await stop();
  abort = new AbortController();
  const labelled = mirror({ namespace: 'shop', labelSelector: 'app=x' });
  await until(() => labelled.names.size === 1, 'with the label');
  assert.deepEqual([...labelled.names.values()], ['other-node']);
  await stop();
});
