import { test } from 'node:test';
import { crashRounds } from './crash-rounds.ts';

test('five kills under load lose and double nothing', async () => {
  await crashRounds(5, 1);
});
