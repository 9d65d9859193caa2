/** `blocks`: what a tenant's manifest lists, and what one block is made of. Looks at storage, not at a server. */
import { SINGLE_TENANT } from '../../api/tenant.ts';
import { openStoredFolder, type StoredFolder } from '../../app/data-folder.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { describeBlock } from '../../block/describe-block.ts';
import { blockFileKey } from '../../block/manifest-keys.ts';
import type { BlockMeta, ManifestState } from '../../block/manifest-state.ts';
import type { Command, Io } from '../io.ts';
import { readOptions } from '../options.ts';
import { bytesText, countText, durationText, plural, timeText } from '../text/format.ts';
import { type Cell, table } from '../text/table.ts';

export const blocks: Command = {
  summary: 'blocks in storage, or the columns of one',
  usage: `usage: rubato blocks [flags] [BLOCK_ID]

  --data DIR      the data folder (default ./data)
  --tenant ID     whose blocks (default ${SINGLE_TENANT})
  --json          JSON for programs instead of text for people

A block's id may be cut short as long as it is the only one that begins so.
`,
  run: runBlocks,
};

const options = {
  data: { type: 'string' },
  tenant: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function runBlocks(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['BLOCK_ID?']);
  if (isHelp) {
    io.out(blocks.usage);
    return 0;
  }
  const folder = await openStoredFolder(values.data ?? './data');
  const state = await folder.manifest.load(values.tenant ?? SINGLE_TENANT);
  const [id] = positionals;
  const json = values.json === true;
  if (id === undefined) listBlocks(state, json, io);
  else await showBlock(folder, findBlock(state, id), state.tenant, json, io);
  return 0;
}

function listBlocks(state: ManifestState, json: boolean, io: Io): void {
  const metas = [...state.blocks.values()].sort((a, b) => Number(b.minStartUnixNano - a.minStartUnixNano));
  if (json) {
    const shown = { tenant: state.tenant, manifestVersion: state.version, blocks: metas };
    io.out(JSON.stringify(shown, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
    return;
  }
  if (metas.length === 0) {
    io.out(`no blocks of tenant ${state.tenant}`);
    return;
  }
  const rows = metas.map((meta): Cell[] => [
    meta.id,
    countText(meta.spanCount),
    countText(meta.traceCount),
    bytesText(meta.sizeBytes),
    perSpan(meta.sizeBytes, meta.spanCount),
    timeText(meta.minStartUnixNano),
    durationText(Number(meta.maxEndUnixNano - meta.minStartUnixNano)),
    String(meta.level),
  ]);
  io.out(
    table(
      [
        { title: 'BLOCK' },
        { title: 'SPANS', align: 'right' },
        { title: 'TRACES', align: 'right' },
        { title: 'SIZE', align: 'right' },
        { title: 'B/SPAN', align: 'right' },
        { title: 'START (UTC)' },
        { title: 'RANGE', align: 'right' },
        { title: 'LEVEL', align: 'right' },
      ],
      rows,
      io,
    ),
  );
  const spans = metas.reduce((sum, meta) => sum + meta.spanCount, 0);
  const bytes = metas.reduce((sum, meta) => sum + meta.sizeBytes, 0);
  io.out(`${plural(metas.length, 'block')}, ${plural(spans, 'span')}, ${bytesText(bytes)}, manifest ${state.version}`);
}

function findBlock(state: ManifestState, prefix: string): BlockMeta {
  const found = [...state.blocks.values()].filter(({ id }) => id.startsWith(prefix));
  if (found.length === 1) return found[0]!;
  const message =
    found.length === 0
      ? `tenant ${state.tenant} has no block ${prefix}`
      : `${plural(found.length, 'block')} begin with ${prefix}`;
  throw new RubatoError(ErrorKind.notFound, 'no_block', message);
}

async function showBlock(
  { store }: StoredFolder,
  meta: BlockMeta,
  tenant: string,
  json: boolean,
  io: Io,
): Promise<void> {
  const tables = await describeBlock(
    meta.files,
    async (file, length) => (await store.getTail(blockFileKey(tenant, meta.id, file), length)).bytes,
  );
  if (json) {
    io.out(JSON.stringify({ tenant, block: meta.id, files: meta.files, rowGroups: meta.rowGroups, tables }));
    return;
  }
  io.out(io.paint.bold(`block ${meta.id} of tenant ${tenant}`));
  io.out(
    `${plural(meta.spanCount, 'span')} of ${plural(meta.traceCount, 'trace')} in ${plural(meta.rowGroups, 'row group')}, ` +
      `${bytesText(meta.sizeBytes)}, ${perSpan(meta.sizeBytes, meta.spanCount)} bytes a span, level ${meta.level}, ` +
      `made ${timeText(BigInt(meta.createdUnixMs) * 1_000_000n)} UTC\n`,
  );
  const files = Object.entries(meta.files).map(([file, size]): Cell[] => [
    file,
    bytesText(size),
    perSpan(size, meta.spanCount),
  ]);
  io.out(table([{ title: 'FILE' }, { title: 'SIZE', align: 'right' }, { title: 'B/SPAN', align: 'right' }], files, io));
  io.out('');
  const columns = tables
    .flatMap(({ table: name, columns: own }) => own.map((column) => ({ name, ...column })))
    .sort((a, b) => b.bytes - a.bytes || (a.column < b.column ? -1 : 1))
    .map((column): Cell[] => [
      column.name,
      column.column,
      column.type,
      column.encoding,
      countText(column.values - column.nulls),
      bytesText(column.bytes),
      perSpan(column.bytes, meta.spanCount),
    ]);
  io.out(
    table(
      [
        { title: 'TABLE' },
        { title: 'COLUMN', flexible: true },
        { title: 'TYPE' },
        { title: 'ENCODING' },
        { title: 'VALUES', align: 'right' },
        { title: 'SIZE', align: 'right' },
        { title: 'B/SPAN', align: 'right' },
      ],
      columns,
      io,
    ),
  );
}

const perSpan = (bytes: number, spans: number): string => (spans === 0 ? '' : (bytes / spans).toFixed(2));
