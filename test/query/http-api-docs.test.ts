import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { ApiPorts } from '../../src/api/ports.ts';
import { startTestApi } from '../api/api-server.ts';

/** Ports without which their routes are not served; nothing is asked of them here. */
const optional = {
  generatedMetrics: notAsked,
  redact: notAsked,
  usageMetrics: notAsked,
  overridesStatus: { tenants: () => [], tenant: () => undefined },
  userOverrides: { get: notAsked, set: notAsked, patch: notAsked, delete: notAsked },
} satisfies Partial<ApiPorts>;

async function notAsked(): Promise<never> {
  throw new Error('nobody asks');
}

test('docs/http-api.md lists every route and no other', async () => {
  const document = readFileSync(path.resolve(import.meta.dirname, '../../docs/http-api.md'), 'utf8');
  const listed = [...document.matchAll(/^\| (`\/[^|]*)\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\/[^`]*)`/g)].map(([, route]) => route!),
  );
  const api = await startTestApi({ ports: optional });
  const { text } = await api.get('/status/endpoints');
  await api.close();
  const served = [...text.matchAll(/^\| (\/\S+)/gm)].map((match) => match[1]!);
  assert.ok(served.length > 15);
  assert.deepEqual(listed.sort(), served.sort());
});
