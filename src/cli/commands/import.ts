/** `import tempo`: blocks of a Tempo into ours. See docs/migrating-from-tempo.md. */
import { readFileSync, statSync } from 'node:fs';
import { expandEnv, loadConfig } from '../../app/config/load.ts';
import type { Config } from '../../app/config/schema.ts';
import { openStoredFolder } from '../../app/data-folder.ts';
import { openBucket, openStore } from '../../app/open-store.ts';
import { systemClock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { systemRng } from '../../base/random.ts';
import { ManifestStore } from '../../block/manifest.ts';
import { lockFolder } from '../../fs/folder-lock.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { RetryingObjectStore } from '../../objectstore/retrying.ts';
import { type ImportCounts, type ImportTarget, importBlock, importedBefore } from '../import-tempo/import-block.ts';
import { listTempoBlocks, type TempoBlock } from '../import-tempo/tempo-block.ts';
import type { Command, Io } from '../io.ts';
import { readOptions, usageError } from '../options.ts';
import { countText, plural } from '../text/format.ts';

export const importCommand: Command = {
  summary: 'take over the blocks of a Tempo',
  usage: `usage: rubato import tempo --from SOURCE [flags]

  --from SOURCE   the folder of Tempo's blocks (storage.trace.local.path), or a configuration file of Tempo's that names
                  its bucket; only read
  --data DIR      the data folder to import into (default ./data); no server with target all may be running on it
  --config FILE   the bucket or folder of this configuration instead
  --tenant ID     only this tenant (default: all)
  --json          JSON for programs instead of text for people

vParquet4 and vParquet5. Run it again after it was stopped: it goes on with the block it was at. Retention holds for what is
imported, too: set compaction.block_retention first.
`,
  run: runImport,
};

const options = {
  from: { type: 'string' },
  data: { type: 'string' },
  config: { type: 'string' },
  tenant: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const readable = /^vParquet[45]\b/;
const tryTimeoutMs = 60_000;

async function runImport(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals, isHelp } = readOptions(argv, options, ['tempo']);
  if (isHelp) {
    io.out(importCommand.usage);
    return 0;
  }
  if (positionals[0] !== 'tempo')
    throw usageError(`blocks of tempo can be imported, not ${JSON.stringify(positionals[0])}`);
  if (values.from === undefined) throw usageError('--from is missing');
  if (values.data !== undefined && values.config !== undefined) throw usageError('either --data or --config');
  const source = await openSource(values.from);
  const { store, release } = await openTarget(values.config, values.data ?? './data');
  try {
    const target = {
      store,
      manifest: new ManifestStore(store, systemClock, systemRng),
      clock: systemClock,
      rng: systemRng,
    };
    const blocks = await listTempoBlocks(source, values.tenant);
    if (blocks.length === 0)
      throw new RubatoError(ErrorKind.notFound, 'no_blocks', `no blocks of Tempo in ${values.from}`);
    return await importAll(source, blocks, target, values.json === true, io);
  } finally {
    await release();
  }
}

/** Nothing is written there. */
async function openSource(from: string): Promise<ObjectStore> {
  const isFolder = statSync(from, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder === undefined) throw usageError(`there is no folder or file ${from}`);
  if (isFolder) return (await openStoredFolder(from)).store;
  const { trace } = readConfig(from).storage;
  if (trace.backend === 'local') return (await openStoredFolder(trace.local.path)).store;
  const { store } = await openBucket(trace);
  return new RetryingObjectStore(store, { clock: systemClock, rng: systemRng, tryTimeoutMs });
}

async function openTarget(
  file: string | undefined,
  folder: string,
): Promise<{ store: ObjectStore; release: () => Promise<void> }> {
  const config = file === undefined ? loadConfig(JSON.stringify(inFolder(folder)), folder).config : readConfig(file);
  const { backend, local } = config.storage.trace;
  const lock = backend === 'local' ? await lockFolder(local.path, 'shared') : undefined;
  return { store: await openStore(config), release: async () => lock?.release() };
}

const inFolder = (folder: string): object => ({ storage: { trace: { backend: 'local', local: { path: folder } } } });

function readConfig(file: string): Config {
  return loadConfig(expandEnv(readFileSync(file, 'utf8'), process.env), file).config;
}

interface Totals {
  blocks: number;
  before: number;
  traces: number;
  spans: number;
  duplicates: number;
  refused: number;
}

async function importAll(
  source: ObjectStore,
  all: readonly TempoBlock[],
  target: ImportTarget,
  json: boolean,
  io: Io,
): Promise<number> {
  const blocks = all.filter(({ format }) => readable.test(format));
  const unread = all.filter(({ format }) => !readable.test(format));
  const totals: Totals = { blocks: blocks.length, before: 0, traces: 0, spans: 0, duplicates: 0, refused: 0 };
  for (const [at, block] of blocks.entries()) {
    const where = `[${at + 1}/${blocks.length}] ${block.tenant} ${block.id}`;
    const before = await importedBefore(block, target);
    add(totals, before ?? (await importShown(source, block, target, where, io)));
    if (before === undefined) continue;
    totals.before++;
    io.err(`${where}: done before`);
  }
  for (const { tenant, id, format } of unread) io.err(`${tenant} ${id}: format ${format} cannot be read`);
  if (json) io.out(JSON.stringify({ ...totals, unread: unread.map(({ id, format }) => ({ id, format })) }));
  else io.out(summary(totals, unread.length));
  return unread.length === 0 ? 0 : 1;
}

/** A line when a block is done, and one every few seconds while a large one is not. */
const progressMs = 5000;

async function importShown(
  source: ObjectStore,
  block: TempoBlock,
  target: ImportTarget,
  where: string,
  io: Io,
): Promise<ImportCounts> {
  const startMs = io.clock.nowMs();
  let shownMs = startMs;
  const counts = await importBlock(source, block, target, (traces) => {
    const nowMs = io.clock.nowMs();
    if (nowMs - shownMs < progressMs) return;
    shownMs = nowMs;
    io.err(`${where}: ${countText(traces)} of ${plural(block.objectCount, 'trace')}`);
  });
  const seconds = Math.max(io.clock.nowMs() - startMs, 1) / 1000;
  const rate = countText(Math.round(counts.spans / seconds));
  io.err(`${where}: ${plural(counts.traces, 'trace')}, ${plural(counts.spans, 'span')}, ${rate} a second`);
  return counts;
}

function add(totals: Totals, { traces, spans, duplicates, refused }: ImportCounts): void {
  totals.traces += traces;
  totals.spans += spans;
  totals.duplicates += duplicates;
  totals.refused += refused;
}

function summary({ blocks, before, traces, spans, duplicates, refused }: Totals, unread: number): string {
  const notes = [
    ...(before > 0 ? [`${plural(before, 'block')} done before`] : []),
    ...(duplicates > 0 ? [`${plural(duplicates, 'span')} stored once that were there twice`] : []),
    ...(refused > 0 ? [`${plural(refused, 'span')} left out: no usable id`] : []),
    ...(unread > 0 ? [`${plural(unread, 'block')} of a format that cannot be read`] : []),
  ];
  const head = `${plural(blocks, 'block')} with ${plural(traces, 'trace')} and ${plural(spans, 'span')} are here, counts verified`;
  return [head, ...notes].join('\n');
}
