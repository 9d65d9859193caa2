/** Reads a configuration file once, at the start: YAML text in, a checked `Config` out, or an error that names the line. */
import { isScalar, LineCounter, parseDocument } from 'yaml';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { inapplicableKeys } from './inapplicable.ts';
import { type Config, configSchema } from './schema.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** Keys of the file that do nothing here, as dotted paths with their line. */
  readonly inapplicable: readonly string[];
}

function configError(message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_config', message, cause);
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
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw configError(document.errors.map((error) => `${file}: ${error.message.split('\n', 1)[0]}`).join('\n'));
  }
  const content: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw configError(`${file}: the file must hold a mapping of keys`);
  }
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    // The innermost key of the path that stands in the file.
    for (let length = path.length; length > 0; length--) {
      const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
      const items = (parent as { items?: { key: unknown }[] } | undefined)?.items;
      const pair = items?.find((item) => isScalar(item.key) && item.key.value === path[length - 1]);
      const range = isScalar(pair?.key) ? pair.key.range : undefined;
      if (range) return lines.linePos(range[0]).line;
    }
    return undefined;
  };
  const at = (path: readonly PropertyKey[]): string => {
    const line = lineOf(path);
    return line === undefined ? file : `${file}:${line}`;
  };

  const inapplicable: string[] = [];
  for (const key of inapplicableKeys) {
    const path = key.split('.');
    if (removeKey(content as Record<string, unknown>, path)) inapplicable.push(`${key} (line ${lineOf(path) ?? '?'})`);
  }

  const parsed = configSchema.safeParse(content);
  if (parsed.success) return { config: parsed.data, inapplicable };
  const mistakes = parsed.error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [`${at(issue.path)}: ${issue.path.join('.')}: ${issue.message}`];
    return issue.keys.map((key) => `${at([...issue.path, key])}: unknown key ${[...issue.path, key].join('.')}`);
  });
  throw configError(mistakes.join('\n'), parsed.error);
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
  return typeof child === 'object' && child !== null && removeKey(child as Record<string, unknown>, rest);
}
