import { test } from 'node:test';
import { withoutPrometheus } from '../generator/prometheus.ts';
import { generatorRounds } from '../generator/rounds.ts';
import { temporaryFolder } from '../support/server.ts';

test('what Prometheus has equals what was sent, across kill -9 and while Prometheus is away', {
  skip: withoutPrometheus,
}, async () => {
  const folder = temporaryFolder('generator');
  await generatorRounds(folder.path, 1).finally(folder.remove);
});
