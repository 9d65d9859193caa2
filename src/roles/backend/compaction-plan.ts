/**
 * Which blocks are worth making one of. A pure function of the manifest's state, so that several processes that look at
 * one bucket need not talk: who commits first wins, and the others find other work.
 *
 * Blocks are put together within a window of time, by the end of their spans. What decides is what a rewrite costs (all
 * spans of the inputs are read and encoded again) against what it saves (a request and an index in memory a block):
 *
 *   young     written less than `settleMs` ago   left alone: late pieces of traces may come, and ingest has the machine
 *   open      in a window that may still grow    only many blocks of one level, or enough of them for a full block
 *   closed    nothing has come for `settleMs`    all that are of similar size, from two on
 *
 * Similar size: the largest input has at most 4 times the spans of the others together, so each rewrite makes what it
 * rewrites larger by a quarter at least, and a late small block does not cause the rewrite of a large one. What remains in
 * a closed window are full blocks, and a few each of which is 4 times larger than all smaller ones together.
 */
import type { BlockMeta, ManifestState } from '../../block/manifest.ts';

export interface CompactionOptions {
  /** Length of a window, ms. */
  readonly windowMs: number;
  /** Blocks younger than this are left alone; a window is closed when it has ended and seen no new block for so long. */
  readonly settleMs: number;
  /** Inputs of a job: at least so many in a closed window … */
  readonly inputsMin: number;
  /** … or in an open one, unless they make a full block. */
  readonly openInputsMin: number;
  readonly inputsMax: number;
  /** Bounds of the inputs' sums. All three bound memory, see docs/operations/compaction.md. */
  readonly spansMax: number;
  readonly tracesMax: number;
  readonly bytesMax: number;
  /** Spans of row groups of the inputs that overlap in time, which have to be in memory at once. */
  readonly overlapSpansMax: number;
}

export interface CompactionJob {
  /** Start of the window, Unix ms. */
  readonly windowStartMs: number;
  /** Two at least. */
  readonly inputs: readonly BlockMeta[];
}

/**
 * Clocks of senders are wrong at times: a block's end counts no later than this after the block was written, and for
 * retention no earlier than this before. Tempo clamps block times to the same 2 minutes around their arrival.
 */
export const clockSlackMs = 2 * 60_000;

const largestToRest = 4;

/** Jobs that have no input in common, of the newest window first. */
export function planCompaction(
  state: ManifestState,
  options: CompactionOptions,
  nowMs: number,
  isAvoided: (block: BlockMeta) => boolean = () => false,
): CompactionJob[] {
  const { windowMs, settleMs } = options;
  const windows = Map.groupBy(state.blocks.values(), (block) => Math.floor(endMs(block) / windowMs));
  const jobs: CompactionJob[] = [];
  for (const [window, blocks] of [...windows].sort(([a], [b]) => b - a)) {
    const settled = blocks.filter((block) => nowMs - block.createdUnixMs >= settleMs);
    const candidates = settled.filter((block) => !isAvoided(block));
    const isClosed = settled.length === blocks.length && nowMs - (window + 1) * windowMs >= settleMs;
    const groups = isClosed ? [candidates] : Map.groupBy(candidates, (block) => block.level).values();
    for (const group of groups) {
      for (const inputs of pack(group, options, isClosed ? options.inputsMin : options.openInputsMin))
        jobs.push({ windowStartMs: window * windowMs, inputs });
    }
  }
  return jobs;
}

/** When a block's spans ended, Unix ms, as far as the clocks that said so can be right. */
export function endMs(block: BlockMeta): number {
  return Math.min(Number(block.maxEndUnixNano / 1_000_000n), block.createdUnixMs + clockSlackMs);
}

/** Fills jobs from the smallest block to the largest; blocks of equal size by time. */
function pack(blocks: readonly BlockMeta[], options: CompactionOptions, inputsMin: number): BlockMeta[][] {
  const sorted = blocks.toSorted(
    (a, b) => a.spanCount - b.spanCount || compare(a.minStartUnixNano, b.minStartUnixNano) || compare(a.id, b.id),
  );
  const jobs: BlockMeta[][] = [];
  let job: BlockMeta[] = [];
  let sums = { spans: 0, traces: 0, bytes: 0 };
  const end = (needed: number): void => {
    if (job.length >= Math.max(2, needed)) jobs.push(job);
    job = [];
    sums = { spans: 0, traces: 0, bytes: 0 };
  };
  for (const block of sorted) {
    const isFull =
      job.length >= options.inputsMax ||
      sums.spans + block.spanCount > options.spansMax ||
      sums.traces + block.traceCount > options.tracesMax ||
      sums.bytes + block.sizeBytes > options.bytesMax ||
      overlapSpans([...job, block]) > options.overlapSpansMax;
    if (isFull) end(options.inputsMin);
    else if (job.length > 0 && block.spanCount > largestToRest * sums.spans) end(inputsMin);
    job.push(block);
    sums.spans += block.spanCount;
    sums.traces += block.traceCount;
    sums.bytes += block.sizeBytes;
  }
  end(inputsMin);
  return jobs;
}

/** Most spans that row groups have which stand for the same moment, if those of a block follow one another. */
export function overlapSpans(blocks: readonly BlockMeta[]): number {
  const edges = blocks.flatMap((block) => {
    const spans = block.spanCount / block.rowGroups;
    return [
      { at: block.minStartUnixNano, spans },
      { at: block.maxEndUnixNano, spans: -spans },
    ];
  });
  edges.sort((a, b) => compare(a.at, b.at) || b.spans - a.spans);
  let now = 0;
  let most = 0;
  for (const { spans } of edges) most = Math.max(most, (now += spans));
  return most;
}

const compare = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
