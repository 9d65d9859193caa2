/** Whether a trace that was read is the one that was written: span by span, every field. */
import type { PlainSpan } from '../../model/plain-span.ts';

export interface Difference {
  readonly kind: 'missingspans' | 'incorrectresult';
  /** For people. */
  readonly detail: string;
}

export function compareSpans(written: readonly PlainSpan[], read: readonly PlainSpan[]): Difference | undefined {
  const readById = new Map(read.map((span) => [span.spanId, span]));
  const missing = written.filter(({ spanId }) => !readById.has(spanId));
  if (missing.length > 0) {
    const detail = `${missing.length} of ${written.length} spans are missing, ${missing[0]!.spanId} is one`;
    return { kind: 'missingspans', detail };
  }
  const orphan = read.find(({ parentSpanId }) => parentSpanId !== '' && !readById.has(parentSpanId));
  if (orphan !== undefined) return { kind: 'missingspans', detail: `the parent of span ${orphan.spanId} is missing` };
  if (read.length !== written.length)
    return { kind: 'incorrectresult', detail: `${written.length} spans were written, ${read.length} were read` };
  for (const span of written) {
    const fields = differentFields(span, readById.get(span.spanId)!);
    if (fields.length > 0)
      return { kind: 'incorrectresult', detail: `span ${span.spanId} differs in ${fields.join(', ')}` };
  }
  return undefined;
}

function differentFields(written: PlainSpan, read: PlainSpan): string[] {
  return (Object.keys(written) as (keyof PlainSpan)[]).filter((field) => {
    return canonical(written[field]) !== canonical(read[field]);
  });
}

/** Text that is the same for the same content. Attributes have no order; everything else keeps its own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (part instanceof Uint8Array) return Buffer.from(part).toString('hex');
    if (Array.isArray(part)) {
      return key === 'attributes' || (key === '' && part.some(isAttribute)) ? part.toSorted(byKey) : part;
    }
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

const isAttribute = (item: unknown): boolean => typeof item === 'object' && item !== null && 'key' in item;

function byKey(a: unknown, b: unknown): number {
  return (a as { key: string }).key < (b as { key: string }).key ? -1 : 1;
}
