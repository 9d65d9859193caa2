/** The spans that the pipeline before a metrics function lets through, chunk by chunk. */
import type { Pipeline } from '../../traceql/ast.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import type { TraceRange } from '../expression/index.ts';
import { type CompiledPipeline, compilePipeline } from '../spansets/pipeline.ts';
import type { Grid, Selection } from './grid.ts';

export class SpanSource {
  readonly #pipeline: CompiledPipeline;
  readonly #fragment: Fragment;
  #mask = new Uint8Array(0);

  constructor(pipeline: Pipeline, fragment: Fragment) {
    this.#pipeline = compilePipeline(pipeline, fragment);
    this.#fragment = fragment;
  }

  get request(): LoadRequest {
    return this.#pipeline.request;
  }

  /** Whether all spans of the fragment match, or none, when that is known without reading. */
  get constant(): boolean | undefined {
    return this.#pipeline.constant;
  }

  /** True when no span of the fragment can match. */
  get isEmpty(): boolean {
    return this.constant === false;
  }

  /** The mask of a loaded range: 1 for spans that the pipeline lets through. Valid until the next call. */
  mask(range: TraceRange): Uint8Array {
    const length = range.endRow - range.firstRow;
    if (this.#mask.length < length) this.#mask = new Uint8Array(length);
    const mask = this.#mask.subarray(0, length).fill(1);
    hideTraces(this.#fragment, range, mask);
    return this.#pipeline.evaluate(range, mask).mask;
  }

  /** Selects the spans of a loaded range that the pipeline lets through and that start inside the grid. */
  select(grid: Grid, range: TraceRange, selection: Selection): void {
    const takesAll = this.#pipeline.constant === true && this.#fragment.hiddenTraces === undefined;
    const mask = takesAll ? undefined : this.mask(range);
    selection.selectMask(grid, this.#fragment, range.firstRow, range.endRow, mask);
  }
}

/** Takes out the rows of traces that the snapshot reads elsewhere. */
export function hideTraces(fragment: Fragment, range: TraceRange, mask: Uint8Array): void {
  const { hiddenTraces, traceFirstSpan } = fragment;
  if (hiddenTraces === undefined) return;
  for (let trace = range.firstTrace; trace < range.endTrace; trace++) {
    if (hiddenTraces[trace] === 0) continue;
    mask.fill(0, traceFirstSpan[trace]! - range.firstRow, traceFirstSpan[trace + 1]! - range.firstRow);
  }
}
