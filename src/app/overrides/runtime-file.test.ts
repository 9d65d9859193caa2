import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '../../base/clock.ts';
import { parseRuntimeOverrides, RuntimeFile } from './runtime-file.ts';
import type { RuntimeOverrides } from './tenant-overrides.ts';

const parse = (text: string, legacy = false) => Object.fromEntries(parseRuntimeOverrides(text, 'o.yaml', legacy));

test('an empty file has no overrides', () => {
  assert.deepEqual(parse(''), {});
  assert.deepEqual(parse('overrides:'), {});
});

test('unknown keys, wrong values and impossible tenants are refused with their lines', () => {
  assert.throws(() => parse('overrides:\n  a:\n    ingestion:\n      rate: 1\n'), {
    message: 'o.yaml:4: unknown key overrides.a.ingestion.rate',
  });
  assert.throws(
    () => parse('overrides:\n  a:\n    global:\n      max_bytes_per_trace: many\n'),
    /^RubatoError: o\.yaml:4: /,
  );
  assert.throws(() => parse('overrides:\n  "a/b": {}\n'), /contains unsupported character/);
  assert.throws(() => parse('tenants: {}'), /unknown key tenants/);
});

test('flat keys are refused unless they are asked for; a key in its place wins over the flat one', () => {
  const text = `overrides:
  a:
    max_bytes_per_trace: 5
    metrics_generator_processor_span_metrics_dimensions: [x]
    ingestion_rate_limit_bytes: 1
    ingestion: { rate_limit_bytes: 2 }
`;
  assert.throws(() => parse(text), /o\.yaml:3: unknown key overrides\.a\.max_bytes_per_trace/);
  assert.deepEqual(parse(text, true), {
    a: {
      global: { max_bytes_per_trace: 5 },
      metrics_generator: { processor: { span_metrics: { dimensions: ['x'] } } },
      ingestion: { rate_limit_bytes: 2 },
    },
  });
});

test('a file is read again every period; while it is bad the last good content holds', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'rubato-runtime-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'overrides.yaml');
  const clock = new ManualClock();
  const loaded: RuntimeOverrides[] = [];
  const errors: object[] = [];
  const runtime = new RuntimeFile({
    path: file,
    periodMs: 1000,
    legacy: false,
    expand: (text) => text.replace('$LIMIT', '8'),
    clock,
    onLoad: (overrides) => loaded.push(overrides),
    log: { error: (fields) => errors.push(fields), info: () => undefined },
  });
  await assert.rejects(runtime.load(), /cannot read/);
  writeFileSync(file, 'overrides: { a: { global: { max_bytes_per_trace: $LIMIT } } }');
  await runtime.load();
  assert.equal(loaded[0]?.get('a')?.global?.max_bytes_per_trace, 8);
  const watching = runtime.watch();

  /** Lets one period pass and the reload after it end. */
  const period = async (): Promise<void> => {
    await clock.advance(1000);
    while (clock.sleeperCount === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  await period();
  assert.equal(loaded.length, 1, 'the same content is not loaded again');
  writeFileSync(file, 'overrides: { a: { globe: {} } }');
  await period();
  await period();
  assert.deepEqual([loaded.length, runtime.lastReloadSuccessful, errors.length], [1, false, 1]);
  writeFileSync(file, 'overrides: {}');
  await period();
  assert.deepEqual([loaded.length, runtime.lastReloadSuccessful], [2, true]);
  runtime.stop();
  await watching;
});
