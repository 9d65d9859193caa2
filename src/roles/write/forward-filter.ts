/** Leaves spans and events out of the copy of a request that is forwarded. */
import { type PlainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { plainSpansToOtlp } from '../../protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { type Condition, parseCondition } from './forward-condition.ts';

/** What is left of an ExportTraceServiceRequest, or undefined when no span is. */
export type ForwardFilter = (request: Uint8Array) => Uint8Array | undefined;

/**
 * A span or event goes that meets one of its conditions. undefined without conditions: requests go on as they came.
 * @throws RubatoError config, naming the condition that cannot be parsed
 */
export function forwardFilter(texts: {
  readonly span: readonly string[];
  readonly spanEvent: readonly string[];
}): ForwardFilter | undefined {
  const span = texts.span.map((text) => parseCondition(text, 'span'));
  const event = texts.spanEvent.map((text) => parseCondition(text, 'spanevent'));
  if (span.length === 0 && event.length === 0) return undefined;
  return (request) => filtered(request, span, event);
}

function filtered(
  request: Uint8Array,
  spanConditions: readonly Condition[],
  eventConditions: readonly Condition[],
): Uint8Array | undefined {
  const table = new SpanTable(16);
  new OtlpScanner(table).scan(request, { maxAttributeBytes: 0 });
  const kept: PlainSpan[] = [];
  for (const span of tableToSpans(table)) {
    if (spanConditions.some((condition) => condition(span, undefined))) continue;
    if (eventConditions.length === 0 || span.events.length === 0) kept.push(span);
    else {
      const events = span.events.filter((event) => !eventConditions.some((condition) => condition(span, event)));
      kept.push({ ...span, events });
    }
  }
  return kept.length === 0 ? undefined : plainSpansToOtlp(kept);
}
