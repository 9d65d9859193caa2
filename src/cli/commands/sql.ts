/** `sql`: DuckDB over the blocks of a tenant. See docs/sql.md for the tables. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { DuckDBResult } from '@duckdb/node-api';
import { SINGLE_TENANT } from '../../api/tenant.ts';
import { expandEnv, loadConfig } from '../../app/config/load.ts';
import { openStoredFolder } from '../../app/data-folder.ts';
import { openStore } from '../../app/open-store.ts';
import { systemClock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { systemRng } from '../../base/random.ts';
import { ManifestStore } from '../../block/manifest.ts';
import type { Command, Io } from '../io.ts';
import { rangeOptions, rangeUsage, readOptions, readRange, usageError } from '../options.ts';
import { type BlockFiles, downloadedFiles, filesInFolder, tableFiles } from '../sql/block-files.ts';
import { tablesOf, viewStatements } from '../sql/views.ts';
import { plural } from '../text/format.ts';
import { table } from '../text/table.ts';

export const sql: Command = {
  summary: 'SQL over the blocks in storage',
  usage: `usage: rubato sql [flags] 'SELECT …'

  --data DIR      the data folder (default ./data)
  --config FILE   the bucket of this configuration instead; files are downloaded once
  --cache DIR     where to (default ~/.cache/rubato-sql)
  --tenant ID     whose data (default ${SINGLE_TENANT})
${rangeUsage.replace('(default 1h)', '(default: everything)')}  --json          a JSON object a line instead of a table

Views: traces, spans (with their resources), resources, events, links, parents; raw.spans and so on are the files as they are.
Columns of attributes have a dot in their names and need quotes: "span.http.route", "resource.service.name".
With a range only blocks are read that have spans in it. What is not in blocks yet is not seen.
`,
  run: runSql,
};

const options = {
  data: { type: 'string' },
  config: { type: 'string' },
  cache: { type: 'string' },
  tenant: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  ...rangeOptions,
} as const;

type Values = ReturnType<typeof readOptions<typeof options>>['values'];

async function runSql(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['STATEMENT']);
  if (isHelp) {
    io.out(sql.usage);
    return 0;
  }
  const [statement = ''] = positionals;
  const tenant = values.tenant ?? SINGLE_TENANT;
  const range =
    values.since === undefined && values.start === undefined && values.end === undefined
      ? undefined
      : readRange(values, io.clock.nowMs());
  const { manifest, files } = await openSource(values);
  const state = await manifest.load(tenant);
  const blocks = [...state.blocks.values()].filter(
    ({ minStartUnixNano, maxEndUnixNano }) =>
      range === undefined || (minStartUnixNano < range.endUnixNano && maxEndUnixNano >= range.startUnixNano),
  );
  if (blocks.length === 0) throw new RubatoError(ErrorKind.notFound, 'no_blocks', noBlocks(tenant, state.blocks.size));
  const found = await tableFiles(files, tenant, blocks, tablesOf(statement));
  if (found.missing.length > 0) io.err(`rubato: removed meanwhile and left out: ${found.missing.join(', ')}`);
  await query([...viewStatements(found.files)], statement, values.json === true, io);
  return 0;
}

const noBlocks = (tenant: string, all: number): string =>
  all === 0
    ? `tenant ${tenant} has no blocks`
    : `none of the ${plural(all, 'block')} of tenant ${tenant} is in the range`;

async function openSource(values: Values): Promise<{ manifest: ManifestStore; files: BlockFiles }> {
  if (values.config === undefined) {
    const folder = values.data ?? './data';
    return { manifest: (await openStoredFolder(folder)).manifest, files: filesInFolder(folder) };
  }
  if (values.data !== undefined) throw usageError('either --data or --config');
  const { config } = loadConfig(expandEnv(readFileSync(values.config, 'utf8'), process.env), values.config);
  const { local, backend } = config.storage.trace;
  if (backend === 'local')
    return { manifest: (await openStoredFolder(local.path)).manifest, files: filesInFolder(local.path) };
  const store = await openStore(config);
  const cache = values.cache ?? path.join(homedir(), '.cache', 'rubato-sql');
  return { manifest: new ManifestStore(store, systemClock, systemRng), files: downloadedFiles(store, cache) };
}

async function query(views: readonly string[], statement: string, json: boolean, io: Io): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((error: unknown) => {
    const message = 'rubato sql needs DuckDB: npm install @duckdb/node-api';
    throw new RubatoError(ErrorKind.config, 'no_duckdb', message, error);
  });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    // Times are shown as they are stored.
    for (const view of ["SET TimeZone = 'UTC'", ...views]) await connection.run(view);
    const result = await connection.stream(statement).catch((error: unknown) => {
      throw new RubatoError(ErrorKind.invalid, 'bad_sql', (error as Error).message, error);
    });
    if (json) await writeLines(result, io);
    else await writeTable(result, io);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function writeLines(result: DuckDBResult, io: Io): Promise<void> {
  for await (const rows of result.yieldRowObjectJson()) {
    if (rows.length > 0) io.out(rows.map((row) => JSON.stringify(row)).join('\n'));
  }
}

/** A person reads no more. */
const tableRowsMax = 10_000;

async function writeTable(result: DuckDBResult, io: Io): Promise<void> {
  const columns = result.deduplicatedColumnNames().map((title, at) => ({
    title,
    flexible: true,
    ...(isNumber(String(result.columnType(at))) && { align: 'right' as const }),
  }));
  const rows: string[][] = [];
  let more = false;
  for await (const chunk of result.yieldRows()) {
    for (const row of chunk) rows.push(row.map((value) => (value === null ? '' : String(value))));
    more = rows.length > tableRowsMax;
    if (more) break;
  }
  io.out(table(columns, rows.slice(0, tableRowsMax), io));
  io.out(more ? `more than ${plural(tableRowsMax, 'row')}; --json gives all` : plural(rows.length, 'row'));
}

const isNumber = (type: string): boolean => /INT|DOUBLE|FLOAT|DECIMAL/.test(type);
