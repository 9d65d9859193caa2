/** docs/configuration.md against the schema: every key is documented, with the default that it has, and no other. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { inapplicableKeys } from './inapplicable.ts';
import { loadConfig } from './load.ts';
import { configSchema } from './schema.ts';
import { durationMs } from './values.ts';

const text = readFileSync(path.resolve(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');

interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** Dotted paths of everything that is not a block; keys of a list's items stand below the list. */
function schemaKeys(): string[] {
  const root = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const keys: string[] = [];
  const walk = (given: JsonSchema, at: string): void => {
    const node = given.$ref === undefined ? given : root.$defs![given.$ref.split('/').at(-1)!]!;
    const blocks = [node, ...(node.anyOf ?? []), ...(node.allOf ?? [])].filter(({ properties }) => properties);
    if (node.items?.properties !== undefined) walk(node.items, at);
    else if (blocks.length === 0) keys.push(at);
    for (const { properties } of blocks)
      for (const [key, child] of Object.entries(properties!)) walk(child, at === '' ? key : `${at}.${key}`);
  };
  walk(root, '');
  return keys;
}

/** Key to default, as the tables say; `x.*` stands for everything below x. */
function documentedKeys(): Map<string, string> {
  const documented = new Map<string, string>();
  let blocks = [''];
  for (const line of text.split('\n')) {
    if (/^#+ /.test(line)) blocks = [...line.matchAll(/`([a-z0-9_.]+)`/g)].map(([, block]) => `${block}.`);
    const row = /^\| `([a-z0-9_.*]+)` \| (.*?) \|/.exec(line);
    for (const block of row === null ? [] : blocks.length === 0 ? [''] : blocks)
      documented.set(block + row![1], row![2]!);
  }
  return documented;
}

const keys = schemaKeys();
const documented = documentedKeys();

function covers(documentedKey: string, key: string): boolean {
  return documentedKey.endsWith('.*') ? key.startsWith(documentedKey.slice(0, -1)) : documentedKey === key;
}

test('every key of the schema is documented', () => {
  assert.ok(keys.length > 150);
  const missing = keys.filter((key) => ![...documented.keys()].some((known) => covers(known, key)));
  // The lists of receivers and forwarders are keys themselves when they are not followed further.
  assert.deepEqual(missing, []);
});

test('every documented key exists', () => {
  const unknown = [...documented.keys()].filter((known) => !keys.some((key) => covers(known, key)));
  assert.deepEqual(unknown, []);
});

/** As a table shows it. */
function parsedDefault(shown: string): unknown {
  if (shown === 'true' || shown === 'false') return shown === 'true';
  const size = /^(\d+)( [KM]iB)?$/.exec(shown);
  if (size !== null) return Number(size[1]) * (size[2] === ' MiB' ? 1 << 20 : size[2] === ' KiB' ? 1 << 10 : 1);
  const duration = durationMs.safeParse(shown);
  return duration.success ? duration.data : shown;
}

test('documented defaults are those that an empty file has', () => {
  const { config } = loadConfig('', '');
  for (const [key, shown] of documented) {
    let value: unknown = config;
    for (const part of key.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
    if (key.endsWith('.*')) continue;
    if (shown === '–')
      assert.ok(
        value === undefined || value === '' || (typeof value === 'object' && Object.keys(value!).length === 0),
        `${key}: ${value}`,
      );
    else if (Array.isArray(value)) assert.equal(value.join(', '), shown, key);
    else assert.deepEqual(value, parsedDefault(shown), key);
  }
});

test('every key that does nothing is listed', () => {
  const list = text.slice(text.indexOf('## Keys that do nothing here'));
  assert.deepEqual(
    inapplicableKeys.filter((key) => !list.includes(`\`${key}\``)),
    [],
  );
});
