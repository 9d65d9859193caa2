import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startTestApi } from '../api/api-server.ts';

test('docs/http-api.md lists every route and no other', async () => {
  const document = readFileSync(path.resolve(import.meta.dirname, '../../docs/http-api.md'), 'utf8');
  const listed = [...document.matchAll(/^\| `(\/[^`]*)`/gm)].map((match) => match[1]!);
  const api = await startTestApi();
  const { text } = await api.get('/status/endpoints');
  await api.close();
  const served = [...text.matchAll(/^\| (\/\S+)/gm)].map((match) => match[1]!);
  assert.ok(served.length > 15);
  assert.deepEqual(listed.sort(), served.sort());
});
