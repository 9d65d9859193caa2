import { test } from 'node:test';
import { twoBackends } from './two-backends.ts';

test('two backends that compact the same tenant under ingest lose, double and leave nothing', async () => {
  await twoBackends(4_000);
});
