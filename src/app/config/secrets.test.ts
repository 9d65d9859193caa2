import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { configSchema } from './schema.ts';
import { secretKeys, secretMappings, withoutSecrets } from './secrets.ts';

/** Look like secrets and are none: names of files, of headers, of attributes, and paths of keys. */
const harmless = new Set([
  ...['tokens', 'user_header', 'roles_header', 'tenants_header', 'key', 'key_file', 'client_auth_type', 'cert_pem'],
  ...['read_header_timeout', 'allowed_headers', 'header_extraction', 'tls_key_path', 'kms_key_id'],
  ...['use_federated_token', 'span_multiplier_key', 'remote_write_add_org_id_header', 'bearer_token_file'],
  ...['password_file', 'credentials_file'],
]);

test('each key that could hold a secret is known to be one, or not to be one', () => {
  const root = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  const suspicious = new Set<string>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { properties } = node as { properties?: object };
    for (const key of Object.keys(properties ?? {}))
      if (/secret|passw|token|credential|key|hash|header|auth_|pem/.test(key)) suspicious.add(key);
    for (const child of Object.values(node)) walk(child);
  };
  walk(root);
  assert.ok(suspicious.size > 15);
  const unknown = [...suspicious].filter(
    (key) => !secretKeys.has(key) && !secretMappings.has(key) && !harmless.has(key),
  );
  assert.deepEqual(unknown, []);
  assert.deepEqual(
    [...secretKeys, ...secretMappings].filter((key) => !suspicious.has(key)),
    [],
    'known secrets that the schema does not have',
  );
});

test('secrets are blotted out wherever they stand', () => {
  const marker = 'MARKER';
  const config = {
    ...Object.fromEntries([...secretKeys].map((key) => [key, marker])),
    list: [{ password: marker }],
    headers: { authorization: marker },
    remote_write_headers: { 'x-api-key': marker },
    url: `https://user:${marker}@host/path?x=1`,
    cert: `-----BEGIN ${marker}`,
    none: { password: '' },
    kept: ['https://host/a@b', 5, true, undefined],
  };
  const shown = withoutSecrets(config) as typeof config;
  assert.doesNotMatch(JSON.stringify(shown), /MARKER/);
  assert.equal(shown.url, 'https://<secret>@host/path?x=1');
  assert.deepEqual(shown.none, { password: '' });
  assert.deepEqual(shown.kept, config.kept);
});
