import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonFields, mergePatch, parseUserLimits, userFieldsOf } from './user-limits.ts';

// RFC 7396, appendix A.
const patches: readonly [target: unknown, patch: unknown, result: unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test('merge patches do what RFC 7396 shows', () => {
  for (const [target, patch, result] of patches) assert.deepEqual(mergePatch(target, patch), result);
});

test('a merge patch cannot reach prototypes', () => {
  mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('limits are what the API documents, and every mistake is named', () => {
  const limits = {
    forwarders: ['x'],
    cost_attribution: { dimensions: { 'resource.team': 'team' } },
    metrics_generator: {
      processors: ['service-graphs', 'host-info'],
      collection_interval: '5m',
      ingestion_time_range_slack: '12h',
      generate_native_histograms: 'both',
      processor: {
        service_graphs: { dimensions: ['a'], histogram_buckets: [0.1, 1] },
        span_metrics: {
          intrinsic_dimensions: { service: true },
          filter_policies: [
            { include: { match_type: 'strict', attributes: [{ key: 'kind', value: 'SPAN_KIND_SERVER' }] } },
          ],
        },
        host_info: { metric_name: 'm' },
      },
    },
  };
  assert.equal(parseUserLimits(limits).metrics_generator?.collection_interval, 300_000);
  assert.deepEqual(parseUserLimits({}), {});
  const mistake = (value: unknown) => assert.throws(() => parseUserLimits(value), { code: 'bad_overrides' });
  mistake([]);
  mistake(null);
  mistake({ ingestion: {} });
  mistake({ cost_attribution: { max_cardinality: 1 } });
  mistake({ metrics_generator: { max_active_series: 1 } });
  mistake({ metrics_generator: { processors: ['spanmetrics'] } });
  mistake({ metrics_generator: { collection_interval: '14s' } });
  mistake({ metrics_generator: { ingestion_time_range_slack: '13h' } });
});

test('fields that both have are found', () => {
  const a = { forwarders: ['x'], metrics_generator: { processors: [], disable_collection: true } };
  const b = { forwarders: ['x'], ingestion: {}, metrics_generator: { processors: ['host-info'] } };
  assert.deepEqual(commonFields(a, b), ['forwarders', 'metrics_generator.processors']);
  assert.deepEqual(commonFields(a, {}), []);
});

test('only what a tenant may set is shown of its limits', () => {
  assert.deepEqual(
    userFieldsOf({
      ingestion: { rate_limit_bytes: 1 },
      cost_attribution: { max_cardinality: 3, dimensions: {} },
      metrics_generator: { ring_size: 1, disable_collection: true },
    }),
    { cost_attribution: { dimensions: {} }, metrics_generator: { disable_collection: true } },
  );
});
