/** For tests of receivers: an ingest that scans what is pushed into a table a tenant, and fails when it is told to. */
import { type PlainSpan, tableToSpans } from '../../../model/plain-span.ts';
import { SpanTable } from '../../../model/span-table.ts';
import { OtlpScanner } from '../../../protocol/otlp/scan.ts';
import type { Ingest, PushOptions } from '../ingest.ts';

export class TableIngest implements Ingest {
  readonly pushes: { readonly tenant: string; readonly options: PushOptions }[] = [];
  /** As {@link OtlpScanner}'s option. */
  newKeysMax: number | undefined;
  /** Thrown by the next pushes. */
  failure: Error | undefined;
  /** Pushes wait for it. */
  until: Promise<void> = Promise.resolve();
  readonly #tables = new Map<string, { table: SpanTable; scanner: OtlpScanner }>();

  async push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void> {
    await this.until;
    if (this.failure !== undefined) throw this.failure;
    let entry = this.#tables.get(tenant);
    if (entry === undefined) {
      const table = new SpanTable(16);
      entry = { table, scanner: new OtlpScanner(table) };
      this.#tables.set(tenant, entry);
    }
    entry.scanner.scan(body, this.newKeysMax === undefined ? {} : { newKeysMax: this.newKeysMax });
    this.pushes.push({ tenant, options });
  }

  spans(tenant: string): PlainSpan[] {
    const entry = this.#tables.get(tenant);
    return entry === undefined ? [] : tableToSpans(entry.table);
  }
}
