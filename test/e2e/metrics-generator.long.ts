import { test } from 'node:test';
import { withoutPrometheus } from '../generator/prometheus.ts';
import { generatorRounds } from '../generator/rounds.ts';
import { temporaryFolder } from '../support/server.ts';

test('what Prometheus has equals what was sent, after many kills', { skip: withoutPrometheus }, async () => {
  const folder = temporaryFolder('generator');
  await generatorRounds(folder.path, 12).finally(folder.remove);
});
