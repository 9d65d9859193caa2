/** `tags` and `values`: which attributes there are, and which values one has. */
import type { ScopedTagNamesResponse, TypedTagValuesResponse } from '../../api/contract/index.ts';
import type { Command, Io } from '../io.ts';
import {
  rangeOptions,
  rangeUsage,
  readInteger,
  readOptions,
  readRange,
  secondsOf,
  sourceOptions,
  sourceUsage,
} from '../options.ts';
import { withSource } from '../source.ts';
import { table } from '../text/table.ts';

export const tags: Command = {
  summary: 'names of attributes',
  usage: `usage: rubato tags [flags] [FILTER]

  rubato tags --scope span '{ resource.service.name = "orders" }'

  --scope NAME    resource, span, event, link, instrumentation, trace or intrinsic (default all)
  --limit N       names a scope at most
${rangeUsage}${sourceUsage}`,
  run: runTags,
};

export const values: Command = {
  summary: 'values of an attribute',
  usage: `usage: rubato values [flags] ATTRIBUTE [FILTER]

  rubato values span.http.route '{ status = error }'

  --limit N       values at most
${rangeUsage}${sourceUsage}`,
  run: runValues,
};

const valuesOptions = { ...sourceOptions, ...rangeOptions, limit: { type: 'string' } } as const;
const tagsOptions = { ...valuesOptions, scope: { type: 'string' } } as const;

async function runTags(argv: readonly string[], io: Io): Promise<number> {
  const read = readOptions(argv, tagsOptions, ['FILTER?']);
  if (read.isHelp) {
    io.out(tags.usage);
    return 0;
  }
  const { scope, json } = read.values;
  const limit = readInteger('limit', read.values.limit, 1);
  const range = secondsOf(readRange(read.values, io.clock.nowMs()));
  const parameters = { q: read.positionals[0], scope, limit, ...range };
  return withSource(read.values, io, async (client) => {
    if (json === true) {
      io.out(await client.text('/api/v2/search/tags', parameters));
      return 0;
    }
    const { scopes } = await client.json<ScopedTagNamesResponse>('/api/v2/search/tags', parameters);
    const rows = scopes.flatMap(({ name, tags: names }) => names.map((tag) => [name, tag]));
    io.out(rows.length === 0 ? 'no tags' : table([{ title: 'SCOPE' }, { title: 'TAG', flexible: true }], rows, io));
    return 0;
  });
}

async function runValues(argv: readonly string[], io: Io): Promise<number> {
  const read = readOptions(argv, valuesOptions, ['ATTRIBUTE', 'FILTER?']);
  if (read.isHelp) {
    io.out(values.usage);
    return 0;
  }
  const [attribute = '', filter] = read.positionals;
  const limit = readInteger('limit', read.values.limit, 1);
  const range = secondsOf(readRange(read.values, io.clock.nowMs()));
  const path = `/api/v2/search/tag/${encodeURIComponent(attribute)}/values`;
  const parameters = { q: filter, limit, ...range };
  return withSource(read.values, io, async (client) => {
    if (read.values.json === true) {
      io.out(await client.text(path, parameters));
      return 0;
    }
    const { tagValues } = await client.json<TypedTagValuesResponse>(path, parameters);
    const rows = tagValues.map(({ type, value = '' }) => [type, value]);
    io.out(rows.length === 0 ? 'no values' : table([{ title: 'TYPE' }, { title: 'VALUE', flexible: true }], rows, io));
    return 0;
  });
}
