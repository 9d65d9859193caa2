import { test } from 'node:test';
import { twoBackends } from './two-backends.ts';

test('for ten minutes two backends that compact the same tenant under ingest lose, double and leave nothing', async () => {
  console.log(JSON.stringify(await twoBackends(600_000)));
});
