/** Ten million inputs over all parsers. `FUZZ_SEED` sees a failure again; without it every run has other inputs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTarget } from './run-target.ts';
import { targets } from './targets.ts';

const inputCount = 10_000_000;
const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** What warm caches may still take; a leak of ten bytes an input is five times that. */
const grownBytesMax = 16 << 20;

const weights = targets.reduce((sum, { weight = 1 }) => sum + weight, 0);

for (const target of targets) {
  const count = Math.ceil((inputCount * (target.weight ?? 1)) / weights);
  test(`${target.name}: ${count} inputs`, { timeout: 30 * 60_000 }, async (context) => {
    const { tookMs, slowestMs, refused, grownBytes } = await runTarget(target, seed, count);
    context.diagnostic(
      `seed ${seed}: ${((tookMs * 1000) / count).toFixed(1)} µs an input, ${((refused * 100) / count).toFixed(0)} % refused, ` +
        `slowest ${slowestMs.toFixed(0)} ms, heap ${(grownBytes / 1e6).toFixed(1)} MB larger`,
    );
    assert.ok(grownBytes < grownBytesMax, `the heap grew by ${grownBytes} bytes`);
  });
}
