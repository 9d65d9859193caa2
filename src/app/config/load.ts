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

/** `${NAME}` and `${NAME:-default}` from the environment, as -config.expand-env=true asks for. An unset name is empty. */
export function expandEnv(text: string, env: Readonly<Record<string, string | undefined>>): string {
  return text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (_whole, name: string, fallback: string | undefined) => {
      const value = env[name];
      return value === undefined || (value === '' && fallback !== undefined) ? (fallback ?? '') : value;
    },
  );
}

/** @param file name for error messages. @throws RubatoError config: one line per mistake, each with its line number. */
export function loadConfig(text: string, file: string): LoadedConfig {
  const yaml = new YamlFile(text, file);
  const { content } = yaml;
  if (isMapping(content['overrides'])) nestLegacyDefaults(content['overrides']);
  const inapplicable: string[] = [];
  for (const key of inapplicableKeys) {
    const path = key.split('.');
    if (removeKey(content, path)) inapplicable.push(`${key} (line ${yaml.lineOf(path) ?? '?'})`);
  }
  return { config: yaml.check(configSchema), inapplicable };
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
