import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { queryLimits, valueFor, writeSettings } from '../limits.ts';
import { parseRuntimeOverrides } from './runtime-file.ts';
import { TenantOverrides } from './tenant-overrides.ts';

const { config } = loadConfig(
  'overrides: { defaults: { ingestion: { rate_limit_bytes: 7 }, forwarders: [default] } }',
  'c.yaml',
);

const runtime = (text: string) => parseRuntimeOverrides(text, 'o.yaml', false);

test("a tenant's entry replaces the defaults as a whole; then comes *, then the defaults", () => {
  const overrides = new TenantOverrides(config.overrides.defaults);
  assert.equal(overrides.of('a').ingestion?.rate_limit_bytes, 7);
  overrides.setRuntime(runtime('overrides: { a: { ingestion: { burst_size_bytes: 1 } }, "*": { forwarders: [any] } }'));
  assert.deepEqual(overrides.of('a'), { ingestion: { burst_size_bytes: 1 } });
  assert.deepEqual(overrides.of('b'), { forwarders: ['any'] });
  overrides.setRuntime(runtime('overrides: { a: }'));
  assert.deepEqual(overrides.of('a'), {});
  assert.deepEqual(overrides.of('b').forwarders, ['default']);
});

test('what a tenant set goes over its entry field by field; lists and dimensions are one value', () => {
  const overrides = new TenantOverrides(config.overrides.defaults);
  overrides.setRuntime(
    runtime(`overrides:
  a:
    ingestion: { rate_limit_bytes: 5 }
    cost_attribution: { max_cardinality: 9, dimensions: { x: y } }
    metrics_generator: { processors: [span-metrics], ring_size: 3 }
`),
  );
  overrides.setUser(
    new Map([
      ['a', { cost_attribution: { dimensions: { z: '' } }, metrics_generator: { processors: [] } }],
      ['b', { forwarders: ['own'] }],
    ]),
  );
  assert.deepEqual(overrides.of('a'), {
    ingestion: { rate_limit_bytes: 5 },
    cost_attribution: { max_cardinality: 9, dimensions: { z: '' } },
    metrics_generator: { processors: [], ring_size: 3 },
  });
  assert.equal(overrides.of('b').ingestion?.rate_limit_bytes, 7);
  assert.deepEqual(overrides.of('b').forwarders, ['own']);
  assert.deepEqual(overrides.tenants, [
    { name: 'a', hasRuntime: true, hasUser: true },
    { name: 'b', hasRuntime: false, hasUser: true },
  ]);
});

test('for a tenant whose entry says nothing limits are off, or those of the module', () => {
  const overrides = new TenantOverrides(config.overrides.defaults);
  overrides.setRuntime(runtime('overrides: { a: {}, b: { read: { max_search_duration: 1h } } }'));
  const settings = overrides.byTenant((block) => writeSettings(config, block));
  assert.deepEqual(valueFor(settings, 'a').limits, {
    rateLimitBytes: 0,
    burstSizeBytes: 0,
    retryAfterMs: 5000,
    attributeBytesMax: 2048,
    liveTracesMax: 0,
    answerDelayMs: 0,
  });
  assert.equal(valueFor(settings, 'somebody').limits.rateLimitBytes, 7);
  const limits = queryLimits(config, [overrides.of('a')]);
  assert.deepEqual([limits.tagBytesMax, limits.traceBytesMax, limits.searchDurationMaxMs], [0, 0, 168 * 3_600_000]);
  const several = queryLimits(config, [overrides.of('a'), overrides.of('b'), overrides.of('c')]);
  assert.deepEqual([several.traceBytesMax, several.searchDurationMaxMs], [5_000_000, 3_600_000]);
});
