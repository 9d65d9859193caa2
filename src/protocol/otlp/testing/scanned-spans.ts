/** The spans of trace requests as the scanner and the table understand them. */
import { type PlainSpan, tableToSpans } from '../../../model/plain-span.ts';
import { SpanTable } from '../../../model/span-table.ts';
import { OtlpScanner } from '../scan.ts';

export function scannedSpans(...requests: Uint8Array[]): PlainSpan[] {
  const table = new SpanTable(16);
  const scanner = new OtlpScanner(table);
  for (const request of requests) scanner.scan(request);
  return tableToSpans(table);
}
