import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendSettings, defaultOverrides, tenantSettings } from './backend-settings.ts';
import { loadConfig } from './config/load.ts';

const hourMs = 3_600_000;

function settings(text: string, tenant = 't') {
  const { config } = loadConfig(text, 'c.yaml');
  return { ...backendSettings(config), ...tenantSettings(config, defaultOverrides(config), tenant) };
}

test('without keys there are the defaults', () => {
  const { isDisabled, retention, compaction, removedGraceMs, maintenanceIntervalMs } = settings('');
  assert.equal(isDisabled, false);
  assert.deepEqual(retention, { retentionMs: 336 * hourMs, retentionBytes: 0 });
  assert.equal(compaction.windowMs, hourMs);
  assert.equal(compaction.openInputsMin, 16);
  assert.equal(removedGraceMs, hourMs);
  assert.equal(maintenanceIntervalMs, 60_000);
});

test('keys of all three places are known, and those of the worker count first', () => {
  const old =
    'compactor: { compaction: { block_retention: 1h, compaction_window: 2h, compacted_block_retention: 3h } }';
  const scheduler = 'backend_scheduler: { provider: { compaction: { compaction: { block_retention: 4h } } } }';
  const worker = 'backend_worker: { compaction: { block_retention: 5h } }';
  assert.equal(settings(old).retention.retentionMs, hourMs);
  const all = settings([old, scheduler, worker].join('\n'));
  assert.equal(all.retention.retentionMs, 5 * hourMs);
  assert.equal(all.compaction.windowMs, 2 * hourMs);
  assert.equal(all.removedGraceMs, 3 * hourMs);
  assert.equal(settings([old, scheduler].join('\n')).retention.retentionMs, 4 * hourMs);
});

test('a tenant’s entry counts before that of others, and 0 in it is no answer', () => {
  const { config } = loadConfig('overrides: { defaults: { compaction: { block_retention: 2h } } }', 'c.yaml');
  const of = (tenant: string) => {
    const tenants = new Map([
      ['own', { block_retention: 3 * hourMs, compaction_disabled: true }],
      ['zero', { block_retention: 0 }],
      ['none', undefined],
    ]);
    const { isDisabled, retention } = tenantSettings(config, { ...defaultOverrides(config), tenants }, tenant);
    return [isDisabled, retention.retentionMs / hourMs];
  };
  assert.deepEqual(of('own'), [true, 3]);
  assert.deepEqual(of('zero'), [false, 336]);
  assert.deepEqual(of('none'), [false, 336]);
  assert.deepEqual(of('other'), [false, 2]);
});

test('limits of a block can be lowered and not raised', () => {
  const { compaction } = settings(
    'backend_worker: { compaction: { max_block_bytes: 107374182400, max_compaction_objects: 10 } }',
  );
  assert.equal(compaction.bytesMax, 64 * 1024 * 1024);
  assert.equal(compaction.tracesMax, 10);
});
