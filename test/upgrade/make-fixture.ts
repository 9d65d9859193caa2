/**
 * Makes the fixture of a format that is new: `node test/upgrade/make-fixture.ts v2`. Ends by SIGKILL, so that there are
 * blocks, and segments whose rows are in none.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { otlpOf, type TestSpan } from '../api/spans.ts';
import { request, type TestServer, temporaryFolder } from '../support/server.ts';
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

/** Orders of a shop: with errors, values of every kind, and keys that few spans have. */
function batchOf(batch: number): Uint8Array {
  const spans: TestSpan[] = [];
  for (let i = 0; i < tracesPerBatch; i++) {
    const trace = batch * tracesPerBatch + i + 1;
    const startMs = storedMs + trace * 1000;
    const attributes = {
      'cart.items': trace % 11,
      'cart.total': trace + 0.5,
      vip: trace % 3 === 0,
      user: `user ${trace % 17}`,
    };
    spans.push(
      { trace, span: trace * 10, service: 'shop', name: 'order', startMs, durationMs: 100 + (trace % 50), attributes },
      {
        trace,
        span: trace * 10 + 1,
        parent: trace * 10,
        service: 'bank',
        name: 'pay',
        kind: 3,
        startMs: startMs + 5,
        durationMs: 40,
        error: trace % 7 === 0,
      },
      {
        trace,
        span: trace * 10 + 2,
        parent: trace * 10,
        service: 'stock',
        name: 'reserve',
        startMs: startMs + 50,
        durationMs: 9,
        attributes: { [`rare.${trace % 5}`]: `value ${trace % 9}` },
      },
    );
  }
  return otlpOf(spans);
}

async function send(server: TestServer, tenant: string, body: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/x-protobuf', 'x-scope-orgid': tenant };
  assert.equal((await request(server.otlpHttp, { method: 'POST', headers, body })).status, 200);
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isTrue()) return;
    await sleep(100);
  }
  throw new Error(`never: ${what}`);
}

const format = process.argv[2];
assert.match(format ?? '', /^v\d+$/, 'the name of a format is missing: v2');
const target = fixturePath(format!);
const folder = temporaryFolder('fixture');
const server = await startOn(folder.path, {
  live_store: { max_block_duration: '1s' },
  compactor: { disabled: true },
});
const blocks = (tenant: string): number => {
  try {
    return readdirSync(path.join(folder.path, 'data/tenants', tenant.replace(/^\.|\.$/g, '=2E'), 'blocks')).length;
  } catch {
    return 0;
  }
};
for (let batch = 0; batch < batches - 1; batch++) {
  for (const tenant of tenants) await send(server, tenant, batchOf(batch));
  await until('a block of each batch', () => tenants.every((tenant) => blocks(tenant) > batch));
}
const limits = Buffer.from(
  JSON.stringify({ cost_attribution: { dimensions: { 'resource.service.name': 'service' } } }),
);
const headers = { 'x-scope-orgid': 'shop' };
assert.equal((await request(`${server.http}/api/overrides`, { method: 'PATCH', headers, body: limits })).status, 200);
const spans = batches * tracesPerBatch * 3;
for (const tenant of tenants) await send(server, tenant, batchOf(batches - 1));
await until('everything is counted', async () => (await countedSpans(server, 'shop')) === spans);
const answers: Record<string, unknown> = {};
for (const question of questions) {
  const [answer, other] = await Promise.all(
    tenants.map(async (tenant) => contentOf(await asked(server, tenant, question))),
  );
  assert.deepEqual(other, answer, 'all tenants have the same spans');
  answers[question] = answer;
}
await server.kill();
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
cpSync(path.join(folder.path, 'data'), path.join(target, 'data'), { recursive: true });
cpSync(path.join(folder.path, 'metrics'), path.join(target, 'metrics'), { recursive: true });
rmSync(path.join(target, 'data/~temporary'), { recursive: true, force: true });
writeFileSync(path.join(target, 'answers.json'), `${JSON.stringify(answers)}\n`);
folder.remove();
console.log(`made ${target}`);
