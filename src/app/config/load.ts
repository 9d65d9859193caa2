/** Reads a configuration file once, at the start: YAML text in, a checked `Config` out, or an error that names the line. */
import { inapplicableKeys } from './inapplicable.ts';
import { nestLegacyDefaults } from './legacy-overrides.ts';
import { type Config, configSchema } from './schema.ts';
import { isMapping, YamlFile } from './yaml-file.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** Keys of the file that do nothing here, as dotted paths with their line. */
  readonly inapplicable: readonly string[];
}

/**
 * `${NAME}` from the environment, as -config.expand-env=true asks for. `${NAME-text}` and `${NAME=text}` are the text when
 * there is no such variable, `${NAME:-text}` and `${NAME:=text}` also when it is empty; otherwise an unset name is empty.
 */
export function expandEnv(text: string, env: Readonly<Record<string, string | undefined>>): string {
  return text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?)[-=]([^}]*))?\}/g,
    (_whole, name: string, colon: string | undefined, fallback = '') => {
      const value = env[name];
      return value === undefined || (value === '' && colon === ':') ? fallback : value;
    },
  );
}

/** Values by dotted key that go over those of the file. */
export type ConfigFlags = ReadonlyMap<string, string | number | boolean>;

/** @param file name for error messages. @throws RubatoError config: one line per mistake, each with its line number. */
export function loadConfig(text: string, file: string, flags: ConfigFlags = new Map()): LoadedConfig {
  const yaml = new YamlFile(text, file);
  const { content } = yaml;
  if (isMapping(content['overrides'])) nestLegacyDefaults(content['overrides']);
  if (Object.hasOwn(content, 'auth_enabled')) {
    // What the key was called before Tempo 2.
    content['multitenancy_enabled'] ??= content['auth_enabled'];
    delete content['auth_enabled'];
  }
  for (const [key, value] of flags) setKey(content, key.split('.'), value);
  const inapplicable: string[] = [];
  for (const key of inapplicableKeys) {
    const path = key.split('.');
    if (removeKey(content, path)) inapplicable.push(`${key} (line ${yaml.lineOf(path) ?? '?'})`);
  }
  return { config: yaml.check(configSchema), inapplicable };
}

function setKey(content: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    content[key] = value;
    return;
  }
  // An empty block (`server:`) is null.
  const child = (content[key] ??= {});
  if (isMapping(child)) setKey(child, rest, value);
}

/** Takes a key out of nested objects; true when it was there. */
function removeKey(content: Record<string, unknown>, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined || !Object.hasOwn(content, key)) return false;
  if (rest.length === 0) {
    delete content[key];
    return true;
  }
  const child = content[key];
  return isMapping(child) && removeKey(child, rest);
}
