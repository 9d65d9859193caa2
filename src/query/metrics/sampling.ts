/** The sample a hint asks for: chosen by a hash of ids, so the same spans are in it wherever they lie. */
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { type TraceRange, traceOfRow } from '../expression/index.ts';
import type { Selection } from './grid.ts';
import type { Sampling } from './plan.ts';

/** What must be loaded to sample. */
export const samplingRequest = (sampling: Sampling | undefined): LoadRequest => ({
  fixed: sampling?.of === 'span' ? ['spanId'] : [],
  columns: [],
});

/** What one span of the sample counts for. */
export const sampleWeight = (sampling: Sampling | undefined): number =>
  sampling === undefined ? 1 : 1 / sampling.share;

/** Leaves the spans of the sample in the selection. */
export function sample(sampling: Sampling, fragment: Fragment, range: TraceRange, selection: Selection): void {
  const limit = sampling.share * 2 ** 32;
  if (sampling.of === 'span') {
    selection.keep((row) => hashId(fragment.spanId, row * 8) < limit);
    return;
  }
  let trace = range.firstTrace;
  let kept = hashId(fragment.traceIds, trace * 16 + 8) < limit;
  selection.keep((row) => {
    if (row < fragment.traceFirstSpan[trace]! || row >= fragment.traceFirstSpan[trace + 1]!) {
      trace = traceOfRow(fragment, row);
      kept = hashId(fragment.traceIds, trace * 16 + 8) < limit;
    }
    return kept;
  });
}

/** 32 bits of eight id bytes. Ids are meant to be random, but not every library makes them so. */
function hashId(ids: Uint8Array, at: number): number {
  let h = 0;
  for (let i = 0; i < 8; i++) h = Math.imul(h ^ ids[at + i]!, 0x01000193) ^ (h >>> 15);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
