/** The configuration as YAML for /status/config: as it is in use, its defaults, and what differs. */
import { stringify } from 'yaml';
import type { ConfigText } from '../../api/ports.ts';
import { loadConfig } from './load.ts';
import type { Config } from './schema.ts';
import { withoutSecrets } from './secrets.ts';
import { isMapping } from './yaml-file.ts';

export function configText(config: Config): ConfigText {
  const defaults = loadConfig('', '').config;
  const diff = difference(config, defaults);
  return {
    current: stringify(withoutSecrets(config)),
    defaults: stringify(defaults),
    diff: diff === undefined ? '' : stringify(withoutSecrets(diff)),
  };
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
