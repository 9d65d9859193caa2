/** The configuration as YAML for /status/config: as it is in use, its defaults, and what differs. */
import { stringify } from 'yaml';
import type { ConfigText } from '../../api/ports.ts';
import { loadConfig } from './load.ts';
import type { Config } from './schema.ts';

export function configText(config: Config): ConfigText {
  const defaults = loadConfig('', '').config;
  const diff = difference(config, defaults);
  return {
    current: stringify(config, hideSecrets),
    defaults: stringify(defaults),
    diff: diff === undefined ? '' : stringify(diff, hideSecrets),
  };
}

/** Keys whose values nobody may read off /status/config. */
const secretKeys = new Set([
  'access_key',
  'secret_key',
  'session_token',
  'encryption_key',
  'storage_account_key',
  'password',
  'credentials',
  'bearer_token',
]);

function hideSecrets(key: unknown, value: unknown): unknown {
  if (typeof key !== 'string' || typeof value !== 'string' || value === '') return value;
  return secretKeys.has(key) || value.startsWith('-----BEGIN') ? '<secret>' : value;
}

/** The parts of `value` that are not in `base`; undefined when there are none. */
export function difference(value: unknown, base: unknown): unknown {
  if (!isMapping(value) || !isMapping(base)) return JSON.stringify(value) === JSON.stringify(base) ? undefined : value;
  const parts: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) {
    const changed = difference(part, base[key]);
    if (changed !== undefined) parts[key] = changed;
  }
  return Object.keys(parts).length > 0 ? parts : undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
