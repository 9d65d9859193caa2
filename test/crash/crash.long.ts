import { test } from 'node:test';
import { crashRounds } from './crash-rounds.ts';

test('fifty kills under load lose and double nothing', { timeout: 1_200_000 }, async () => {
  await crashRounds(50, Date.now() % 1_000_000);
});
