/**
 * One attribute of all spans of a trace as codes and distinct values, so that the web UI can colour, filter and count by
 * it; and the spans that contain a text anywhere. Both work on each distinct value once. docs/format/trace-columns.md
 */
import { encodeSections, VarintWriter } from '../../base/sections.ts';
import type { CodeArray, Column, Dictionary, ReadCost } from '../../traceql/storage.ts';
import type { AttributeJsonValue, TraceAttributeHead, TraceAttributeName, TraceFindHead } from '../contract/index.ts';
import { writePlainAnyValue } from '../encode/any-value-json.ts';
import { JsonWriter } from '../encode/json-writer.ts';
import type { TracePart } from '../ports.ts';
import { rowsOfPart } from './trace-columns.ts';

export async function traceAttribute(
  parts: readonly TracePart[],
  { scope, key }: TraceAttributeName,
  cost: ReadCost,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const values: AttributeJsonValue[] = [];
  const codeOf = new Map<AttributeJsonValue, number>();
  const codes = new VarintWriter();
  let spans = 0;
  for (const part of parts) {
    const { fragment, trace } = part;
    const wanted = fragment.columns(scope, key);
    await fragment.load({ fixed: ['resource'], columns: wanted }, trace, trace + 1, cost, signal);
    const columns = fragment.columns(scope, key).map((column) => new Recoder(column, values, codeOf));
    const { first, end } = rowsOfPart(part, spans);
    for (let row = first; row < end; row++) {
      const place = scope === 'span' ? row : fragment.resource[row]!;
      let code = 0;
      for (let i = 0; i < columns.length && code === 0; i++) code = columns[i]!.at(place);
      codes.uint(code);
    }
    spans += end - first;
  }
  const head: Omit<TraceAttributeHead, 'sections'> = { spans, values };
  return encodeSections({ ...head }, { codes: codes.finish() });
}

/** Codes of a column → codes of the answer, which knows only values that the trace has. */
class Recoder {
  readonly #codes: CodeArray;
  readonly #column: Column;
  readonly #known: Uint32Array;
  readonly #values: AttributeJsonValue[];
  readonly #codeOf: Map<AttributeJsonValue, number>;

  constructor(column: Column, values: AttributeJsonValue[], codeOf: Map<AttributeJsonValue, number>) {
    this.#column = column;
    this.#codes = column.codes;
    this.#known = new Uint32Array(column.dictionary.size + 1);
    this.#values = values;
    this.#codeOf = codeOf;
  }

  at(row: number): number {
    const code = this.#codes[row]!;
    if (code === 0) return 0;
    const known = this.#known[code]!;
    if (known !== 0) return known;
    const value = jsonValue(this.#column.dictionary, code - 1);
    let out = this.#codeOf.get(value);
    if (out === undefined) {
      out = this.#values.push(value);
      this.#codeOf.set(value, out);
    }
    this.#known[code] = out;
    return out;
  }
}

function jsonValue(dictionary: Dictionary, index: number): AttributeJsonValue {
  switch (dictionary.type) {
    case 'string':
      return dictionary.strings()[index]!;
    case 'int': {
      const value = dictionary.ints()[index]!;
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    }
    case 'double': {
      const value = dictionary.numbers()[index]!;
      return Number.isFinite(value) ? value : String(value);
    }
    case 'bool':
      return dictionary.bools()[index] === 1;
    case 'any': {
      const writer = new JsonWriter(64);
      writePlainAnyValue(writer, dictionary.bytes(index));
      return writer.finish().toString();
    }
  }
}

const textScopes = ['span', 'resource', 'instrumentation', 'event', 'link'] as const;

/** Rows whose span, resource, scope, events or links have a value that contains `text`, whatever its case. */
export async function traceFind(
  parts: readonly TracePart[],
  text: string,
  cost: ReadCost,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const needle = text.toLowerCase();
  const rows = new VarintWriter();
  let spans = 0;
  let found = 0;
  let last = 0;
  for (const part of parts) {
    const { fragment, trace } = part;
    const columns = () => textScopes.flatMap((scope) => fragment.columns(scope));
    const fixed = ['name', 'statusMessage', 'resource', 'events', 'links'] as const;
    await fragment.load({ fixed, columns: columns() }, trace, trace + 1, cost, signal);
    const { first, end } = rowsOfPart(part, spans);
    const hit = new Uint8Array(end - first);
    const resourceHit = new Uint8Array(fragment.resourceCount);
    for (const column of [...columns(), fragment.name, fragment.statusMessage, fragment.eventName]) {
      const matches = matchingCodes(column.dictionary, needle);
      if (matches === undefined) continue;
      const { codes, scope } = column;
      if (scope === 'resource' || scope === 'instrumentation') {
        for (let r = 0; r < resourceHit.length; r++) if (matches[codes[r]!] === 1) resourceHit[r] = 1;
      } else if (scope === 'event' || column === fragment.eventName)
        mark(hit, fragment.eventSpan, fragment.traceFirstEvent, trace, first, matches, codes);
      else if (scope === 'link') mark(hit, fragment.linkSpan, fragment.traceFirstLink, trace, first, matches, codes);
      else for (let i = 0; i < hit.length; i++) if (matches[codes[first + i]!] === 1) hit[i] = 1;
    }
    for (let i = 0; i < hit.length; i++) {
      if (hit[i] === 0 && resourceHit[fragment.resource[first + i]!] === 0) continue;
      rows.uint(spans + i - last);
      last = spans + i;
      found++;
    }
    spans += hit.length;
  }
  const head: Omit<TraceFindHead, 'sections'> = { spans, rows: found };
  return encodeSections({ ...head }, { rows: rows.finish() });
}

/** By code, 1 where the value contains the text; undefined when none does. */
function matchingCodes(dictionary: Dictionary, needle: string): Uint8Array | undefined {
  const matches = new Uint8Array(dictionary.size + 1);
  let any = false;
  for (let i = 0; i < dictionary.size; i++) {
    if (!String(jsonValue(dictionary, i)).toLowerCase().includes(needle)) continue;
    matches[i + 1] = 1;
    any = true;
  }
  return any ? matches : undefined;
}

function mark(
  hit: Uint8Array,
  owner: Uint32Array,
  traceFirst: Uint32Array,
  trace: number,
  firstSpan: number,
  matches: Uint8Array,
  codes: CodeArray,
): void {
  for (let child = traceFirst[trace]!; child < traceFirst[trace + 1]!; child++)
    if (matches[codes[child]!] === 1) hit[owner[child]! - firstSpan] = 1;
}
