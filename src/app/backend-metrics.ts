/** Metrics of the backend role under Tempo's names. They live in the role's thread and begin anew with it. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { BlockMeta } from '../block/manifest.ts';
import type { BackendObserver } from '../roles/backend/backend-observer.ts';

export class BackendMetrics implements BackendObserver {
  readonly #registry = new Registry();
  readonly #blocks = this.#counter('tempodb_compaction_blocks_total', 'Blocks that were compacted away.', ['level']);
  readonly #bytes = this.#counter('tempodb_compaction_bytes_written_total', 'Bytes of blocks written.', ['level']);
  readonly #objects = this.#counter('tempodb_compaction_objects_written_total', 'Traces written.', ['level']);
  readonly #combined = this.#counter(
    'tempodb_compaction_objects_combined_total',
    'Traces that were put together with another piece of themselves.',
    ['level'],
  );
  readonly #deduped = this.#counter('tempodb_compaction_spans_deduped_total', 'Spans dropped: stored twice.');
  readonly #compactionErrors = this.#counter('tempodb_compaction_errors_total', 'Compactions that failed.');
  readonly #marked = this.#counter(
    'tempodb_retention_marked_for_deletion_total',
    'Blocks removed because they were too old, or too many.',
  );
  readonly #deleted = this.#counter('tempodb_retention_deleted_total', 'Removed blocks whose files were deleted.');
  readonly #retentionErrors = this.#counter('tempodb_retention_errors_total', 'Rounds over a tenant that failed.');
  readonly #retentionDuration = new Histogram({
    name: 'tempodb_retention_duration_seconds',
    help: 'Time to remove blocks from a manifest because of retention.',
    buckets: [0.01, 0.05, 0.25, 1, 5, 30],
    registers: [this.#registry],
  });
  readonly #outstanding = new Gauge({
    name: 'tempodb_compaction_outstanding_blocks',
    help: 'Blocks that are waiting to be compacted.',
    labelNames: ['tenant'],
    registers: [this.#registry],
  });

  compacted(inputs: readonly BlockMeta[], output: BlockMeta): void {
    const level = { level: String(output.level - 1) };
    const sum = (of: (block: BlockMeta) => number): number => inputs.reduce((total, block) => total + of(block), 0);
    this.#blocks.inc(level, inputs.length);
    this.#bytes.inc(level, output.sizeBytes);
    this.#objects.inc(level, output.traceCount);
    this.#combined.inc(level, sum((block) => block.traceCount) - output.traceCount);
    this.#deduped.inc(sum((block) => block.spanCount) - output.spanCount);
  }

  outstanding(tenant: string, blocks: number): void {
    this.#outstanding.set({ tenant }, blocks);
  }

  retained(blocks: number, ms: number): void {
    this.#marked.inc(blocks);
    this.#retentionDuration.observe(ms / 1000);
  }

  deleted(blocks: number): void {
    this.#deleted.inc(blocks);
  }

  failed(what: 'compaction' | 'maintenance'): void {
    if (what === 'compaction') this.#compactionErrors.inc();
    else this.#retentionErrors.inc();
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}
