import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBatch } from './run-target.ts';
import { targets } from './targets.ts';

/** Another one each day; the seed is in the message of what fails. */
const seed = Math.floor(Date.now() / 86_400_000);

for (const target of targets) {
  test(`${target.name}: whatever comes is read or refused`, async () => {
    for (const input of target.seeds) await target.run(Buffer.from(input).subarray());
    const { refused, inputs } = await runBatch(target, seed, Math.ceil(2000 * Math.min(1, target.weight ?? 1)));
    assert.ok(refused < inputs, 'something is read, too');
  });
}
