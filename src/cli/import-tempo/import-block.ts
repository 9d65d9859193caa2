/**
 * One block of Tempo into blocks of ours, once. A note of what was made of it is put before the commit and completed after
 * it, so that a run that was killed anywhere goes on where it stopped: a block with a complete note is done, one whose note
 * names blocks that the manifest knows is done too, any other is imported again and what it left is garbage that the
 * backend collects.
 */
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { Rng } from '../../base/random.ts';
import { newBlockId } from '../../block/block-id.ts';
import { buildBlockOf } from '../../block/build.ts';
import { describeBlock } from '../../block/describe-block.ts';
import type { BlockMeta, ManifestStore } from '../../block/manifest.ts';
import { blockFileKey, tenantName } from '../../block/manifest-keys.ts';
import { SpanTable } from '../../model/span-table.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import { RequestBuilder } from '../../protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { openDataFile } from './data-file.ts';
import { dataKey, type TempoBlock } from './tempo-block.ts';
import { TraceReader } from './trace-rows.ts';

export interface ImportTarget {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
  readonly clock: Clock;
  readonly rng: Rng;
}

export interface ImportCounts {
  /** Rows of Tempo's file. */
  readonly traces: number;
  readonly spans: number;
  /** Spans that were in the file twice, equal in everything. */
  readonly duplicates: number;
  /** Spans without a usable id. */
  readonly refused: number;
}

interface Note extends ImportCounts {
  readonly state: 'committing' | 'done';
  readonly blocks: readonly string[];
}

/** Of one of our blocks: some 100 MB in memory until it is put. Compaction makes larger ones of them. */
const blockSpansMax = 262_144;

const noteKey = ({ tenant, id }: TempoBlock): string => `imports/tempo/${tenantName(tenant)}/${id}`;

/** What an earlier run has made of the block; undefined when it is still to be imported. */
export async function importedBefore(block: TempoBlock, target: ImportTarget): Promise<ImportCounts | undefined> {
  const { store, manifest } = target;
  const bytes = await store.get(noteKey(block)).catch((error: unknown) => {
    if (isKind(error, ErrorKind.notFound)) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const note = JSON.parse(Buffer.from(bytes).toString()) as Note;
  if (note.state === 'done') return note;
  const { blocks, removed } = await manifest.load(block.tenant);
  if (note.blocks.length === 0 || !note.blocks.every((id) => blocks.has(id) || removed.has(id))) return undefined;
  await putNote(block, target, { ...note, state: 'done' });
  return note;
}

/**
 * @param onTraces told how many rows of the block are done
 * @throws RubatoError corrupt: counts do not agree; nothing of the block is visible then
 */
export async function importBlock(
  source: ObjectStore,
  block: TempoBlock,
  target: ImportTarget,
  onTraces: (done: number) => void = () => undefined,
): Promise<ImportCounts> {
  const file = await openDataFile(source, dataKey(block));
  try {
    agree(block, 'traces of the file and of its meta.json', file.rowCount, block.objectCount);
    const reader = new TraceReader(block.dedicatedColumns);
    const metas: BlockMeta[] = [];
    let open = newTable();
    let traces = 0;
    let spans = 0;
    let stored = 0;
    const close = async (): Promise<void> => {
      if (open.table.spanCount === 0) return;
      const meta = await putBlock(block, open.table, target);
      stored += meta.spanCount;
      metas.push(meta);
      open = newTable();
    };
    for await (const rows of file.slices()) {
      const request = new RequestBuilder();
      for (const row of rows) {
        for (const span of reader.spans(row)) {
          request.add(span);
          spans++;
        }
      }
      open.scanner.scan(request.finish(), { maxAttributeBytes: 0 });
      traces += rows.length;
      onTraces(traces);
      if (open.table.spanCount >= blockSpansMax) await close();
    }
    await close();
    agree(block, 'traces read and traces of the file', traces, file.rowCount);
    const counts: ImportCounts = { traces, spans, duplicates: spans - stored, refused: reader.refused };
    await commit(block, target, metas, counts);
    return counts;
  } finally {
    await file.close();
  }
}

function newTable(): { table: SpanTable; scanner: OtlpScanner } {
  const table = new SpanTable();
  return { table, scanner: new OtlpScanner(table) };
}

/** Stores a block and reads its footers again. */
async function putBlock(block: TempoBlock, table: SpanTable, target: ImportTarget): Promise<BlockMeta> {
  const { store, clock, rng } = target;
  const { tenant } = block;
  const id = newBlockId(clock.nowMs(), rng);
  const { parts, ...summary } = buildBlockOf(table.share());
  await Promise.all([...parts].map(([name, bytes]) => store.put(blockFileKey(tenant, id, name), bytes)));
  const meta: BlockMeta = { id, ...summary, level: 0, createdUnixMs: clock.nowMs() };
  const tables = await describeBlock(
    meta.files,
    async (name, length) => (await store.getTail(blockFileKey(tenant, id, name), length)).bytes,
  );
  const rowsOf = (name: string): number => tables.find((each) => each.table === name)?.rows ?? 0;
  agree(block, 'traces stored and traces read', rowsOf('traces'), table.traceCount);
  agree(block, 'spans stored and spans of the block', rowsOf('spans'), meta.spanCount);
  return meta;
}

async function commit(
  block: TempoBlock,
  target: ImportTarget,
  metas: readonly BlockMeta[],
  counts: ImportCounts,
): Promise<void> {
  const note: Note = { state: 'committing', blocks: metas.map(({ id }) => id), ...counts };
  await putNote(block, target, note);
  if (metas.length > 0) {
    const state = await target.manifest.commit(block.tenant, () => ({ add: metas }));
    assert(
      metas.every(({ id }) => state.blocks.has(id)),
      'committed blocks are in the manifest',
    );
  }
  await putNote(block, target, { ...note, state: 'done' });
}

async function putNote(block: TempoBlock, { store }: ImportTarget, note: Note): Promise<void> {
  await store.put(noteKey(block), Buffer.from(`${JSON.stringify(note)}\n`));
}

function agree({ tenant, id }: TempoBlock, what: string, one: number, other: number): void {
  if (one === other) return;
  const message = `block ${id} of tenant ${tenant}: ${what} differ: ${one} and ${other}`;
  throw new RubatoError(ErrorKind.corrupt, 'counts_differ', message);
}
