/** What of a configuration nobody may read off a page or a log. A test asks of each key of the schema which kind it is. */
import { isMapping } from './yaml-file.ts';

/** Keys whose values are secret. Private keys, `key` among them, are known by what they begin with. */
export const secretKeys: ReadonlySet<string> = new Set([
  'access_key',
  'secret_key',
  'session_token',
  'encryption_key',
  'storage_account_key',
  'password',
  'credentials',
  'bearer_token',
  'key_pem',
  'password_hash',
  'token_hash',
]);

/** Keys of mappings whose values are: among headers there is often one that is. */
export const secretMappings: ReadonlySet<string> = new Set(['headers', 'remote_write_headers']);

const hidden = '<secret>';

/** The same with what is secret blotted out: plain data in, plain data out. */
export function withoutSecrets(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (value === '') return value;
    if (secretKeys.has(key) || value.startsWith('-----BEGIN')) return hidden;
    return value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${hidden}@`);
  }
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, key));
  if (!isMapping(value)) return value;
  const isSecret = secretMappings.has(key);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, isSecret ? hidden : withoutSecrets(item, name)]),
  );
}
