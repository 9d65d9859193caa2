/**
 * Takes traces out of a tenant's blocks, for good: every block that holds one of them is replaced by one without it. What
 * is live must have been put into blocks before (`Writer.flush`), and what is still being received when this runs is not
 * seen.
 *
 * Blocks are looked through until a newest manifest names none that was not looked through. A compaction that runs elsewhere
 * at the same time either commits before, then its output is looked through, or finds its inputs gone.
 */
import { assert } from '../../base/assert.ts';
import type { BlockMeta, ManifestState, ManifestStore } from '../../block/manifest.ts';
import type { StoredFragment } from '../../block/stored-fragment.ts';
import { TraceIdSet, wordsOf } from '../../block/trace-id-set.ts';
import type { BlockRewriter } from './block-rewriter.ts';

export interface RedactionRequest {
  readonly tenant: string;
  /** 16 bytes each. */
  readonly traceIds: readonly Uint8Array[];
}

export interface RedactionResult {
  readonly blocksSearched: number;
  /** Replaced by a block without the traces. */
  readonly blocksRewritten: number;
  /** Held nothing else. */
  readonly blocksRemoved: number;
  /** Traces that were found. */
  readonly traces: number;
  readonly spansRemoved: number;
  /** The manifest's version from which on the traces are gone. */
  readonly manifestVersion: number;
}

export interface RedactOptions {
  readonly manifest: ManifestStore;
  readonly rewriter: BlockRewriter;
  readonly pace: (signal?: AbortSignal) => Promise<void>;
}

export async function redact(
  request: RedactionRequest,
  { manifest, rewriter, pace }: RedactOptions,
  signal?: AbortSignal,
): Promise<RedactionResult> {
  const { tenant } = request;
  const wanted = new TraceIdSet();
  for (const id of request.traceIds) wanted.add(wordsOf(id), 0);
  const found = new TraceIdSet();
  const clean = new Set<string>();
  /** Are looked through like all others: what is said to be gone has been looked for. */
  const rewritten = new Set<string>();
  let blocksSearched = 0;
  let blocksRemoved = 0;
  let spansRemoved = 0;
  let state = await manifest.load(tenant, undefined, signal);
  for (;;) {
    const block = [...state.blocks.values()].find(({ id }) => !clean.has(id));
    if (block === undefined) {
      const newest = await manifest.load(tenant, state, signal);
      if (newest === state) break;
      state = newest;
      continue;
    }
    await pace(signal);
    let hits: Hits;
    let made: BlockMeta | undefined;
    try {
      hits = await findTraces(await rewriter.open(tenant, [block], signal), wanted, signal);
      assert(hits.traces === 0 || !rewritten.has(block.id), 'a block made without the traces does not hold them');
      if (hits.traces > 0 && hits.traces < hits.allTraces) {
        const { level } = block;
        made = await rewriter.rewrite({ tenant, inputs: [block], level, without: wanted, signal });
      }
    } catch (error) {
      state = await manifest.load(tenant, state, signal);
      if (state.blocks.has(block.id)) throw error;
      // Somebody has put it into another block meanwhile, and its files are gone.
      continue;
    }
    if (hits.traces > 0) {
      const isFresh = (): boolean => made === undefined || rewriter.isFresh(made);
      state = await replace(manifest, state, { block, made, isFresh }, signal);
      // Lost against a compaction: its block is looked through instead.
      if (made === undefined ? state.removed.get(block.id)?.reason !== 'redacted' : !state.blocks.has(made.id))
        continue;
      for (const { ids, row } of hits.rows) found.add(ids, row);
      spansRemoved += hits.spans;
      if (made === undefined) blocksRemoved++;
      else rewritten.add(made.id);
    }
    clean.add(block.id);
    if (!rewritten.has(block.id)) blocksSearched++;
  }
  const blocksRewritten = rewritten.size;
  const manifestVersion = state.version;
  return { blocksSearched, blocksRewritten, blocksRemoved, traces: found.size, spansRemoved, manifestVersion };
}

function replace(
  manifest: ManifestStore,
  known: ManifestState,
  { block, made, isFresh }: { block: BlockMeta; made: BlockMeta | undefined; isFresh: () => boolean },
  signal: AbortSignal | undefined,
): Promise<ManifestState> {
  return manifest.commit(
    known.tenant,
    (now) =>
      now.blocks.has(block.id) && isFresh()
        ? { add: made === undefined ? [] : [made], remove: [{ id: block.id, reason: 'redacted' }] }
        : undefined,
    { known, signal },
  );
}

interface Hits {
  /** Rows of traces that are wanted, and of all traces. */
  readonly traces: number;
  readonly allTraces: number;
  readonly spans: number;
  readonly rows: readonly { readonly ids: Uint32Array; readonly row: number }[];
}

async function findTraces(
  fragments: readonly StoredFragment[],
  wanted: TraceIdSet,
  signal: AbortSignal | undefined,
): Promise<Hits> {
  const rows: { ids: Uint32Array; row: number }[] = [];
  let allTraces = 0;
  let spans = 0;
  for (const fragment of fragments) {
    const view = fragment.view();
    await view.loadTraces({ requests: 0, bytes: 0, pages: 0 }, signal);
    const ids = wordsOf(view.traceIds);
    allTraces += view.traceCount;
    for (let row = 0; row < view.traceCount; row++) {
      if (wanted.find(ids, row) < 0) continue;
      rows.push({ ids, row });
      spans += view.traceFirstSpan[row + 1]! - view.traceFirstSpan[row]!;
    }
  }
  return { traces: rows.length, allTraces, spans, rows };
}
