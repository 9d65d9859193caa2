/** Data that earlier versions of the program wrote: read, added to and compacted by this one; and data of later ones. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { otlpOf } from '../api/spans.ts';
import { request, temporaryFolder } from '../support/server.ts';
import {
  asked,
  batches,
  contentOf,
  countedSpans,
  fixturePath,
  questions,
  startOn,
  storedMs,
  tenants,
  tracesPerBatch,
} from './stored.ts';

const formats = readdirSync(path.dirname(fixturePath('v1')));

function copyOf(format: string): { path: string; remove: () => void } {
  const folder = temporaryFolder('upgrade');
  for (const part of ['data', 'metrics']) {
    const from = path.join(fixturePath(format), part);
    cpSync(from, path.join(folder.path, part), { recursive: true });
  }
  return folder;
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

for (const format of formats) {
  test(`what format ${format} left is read, added to and compacted`, async (context) => {
    const answers = JSON.parse(readFileSync(path.join(fixturePath(format), 'answers.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const folder = copyOf(format);
    const never = { block_retention: '0s' };
    const server = await startOn(folder.path, {
      compactor: { compaction: { ...never, settle_duration: '0s' } },
      backend_scheduler: { maintenance_interval: '500ms' },
      live_store: { max_block_duration: '1s' },
    });
    context.after(() => server.kill());
    context.after(folder.remove);
    const checkAnswers = async (when: string): Promise<void> => {
      for (const tenant of tenants)
        for (const question of questions) {
          const answer = contentOf(await asked(server, tenant, question));
          assert.deepEqual(answer, answers[question], `${when}: ${tenant} ${question}`);
        }
    };
    await checkAnswers('after the start');
    const spans = batches * tracesPerBatch * 3;
    assert.equal(await countedSpans(server, 'shop'), spans, 'generated metrics go on where they were');
    const { body } = await asked(server, 'shop', '/api/overrides');
    assert.deepEqual(JSON.parse(body.toString()), {
      cost_attribution: { dimensions: { 'resource.service.name': 'service' } },
    });

    const later = {
      trace: 9000,
      span: 1,
      service: 'later',
      name: 'later',
      startMs: storedMs + 7_200_000,
      durationMs: 5,
    };
    const headers = { 'content-type': 'application/x-protobuf', 'x-scope-orgid': 'shop' };
    const sent = await request(server.otlpHttp, { method: 'POST', headers, body: otlpOf([later]) });
    assert.equal(sent.status, 200);
    const compacted = /^tempodb_compaction_blocks_total\{.*\} [1-9]/m;
    const metrics = async (): Promise<string> => (await request(`${server.http}/metrics`)).body.toString();
    for (let tries = 0; tries < 300 && !compacted.test(await metrics()); tries++) await sleep(100);
    assert.match(await metrics(), compacted);
    await checkAnswers('after compaction');
    const q = encodeURIComponent('{ name = "later" }');
    const range = `start=${storedMs / 1000}&end=${storedMs / 1000 + 8000}`;
    const { body: found } = await asked(server, 'shop', `/api/search?q=${q}&${range}`);
    assert.equal((JSON.parse(found.toString()) as { traces: unknown[] }).traces.length, 1);
  });
}

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts');

test('a start over data of a later format says so, and changes nothing', (context) => {
  const folder = copyOf('v1');
  context.after(folder.remove);
  const [file = ''] = filesBelow(path.join(folder.path, 'data/wal'));
  const bytes = readFileSync(file);
  bytes[4] = 2;
  writeFileSync(file, bytes);
  const before = filesBelow(path.join(folder.path, 'data')).sort();
  const config = path.join(folder.path, 'config.yaml');
  const storage = { trace: { local: { path: path.join(folder.path, 'data') } } };
  const server = { http_listen_port: 0, grpc_listen_port: 0, warm_up: false };
  const receivers = { otlp: { protocols: { http: { endpoint: '127.0.0.1:0' } } } };
  writeFileSync(config, JSON.stringify({ multitenancy_enabled: true, server, storage, distributor: { receivers } }));
  const { status, stderr } = spawnSync(process.execPath, [main, `-config.file=${config}`], { timeout: 120_000 });
  const reason = 'a segment of format 2 was written by a newer version of Rubato; this one reads format 1';
  assert.ok(stderr.toString().includes(reason), stderr.toString());
  assert.equal(status, 2);
  assert.deepEqual(filesBelow(path.join(folder.path, 'data')).sort(), before);
  assert.deepEqual(readFileSync(file), bytes);
});
