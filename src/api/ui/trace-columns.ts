/**
 * A trace for the chart of the web UI: what every span's bar needs, as columns in the order in which storage has them
 * (depth first, so a subtree is a run of rows). Some 20 bytes a span, half of them its id. Attributes come on demand.
 * Layout: docs/format/trace-columns.md.
 */
import { lowerBound } from '../../base/lower-bound.ts';
import { encodeSections, VarintWriter } from '../../base/sections.ts';
import type { FixedColumn, Fragment, ReadCost } from '../../traceql/storage.ts';
import type { OperationJson, TraceAttributeName, TraceColumnsHead } from '../contract/index.ts';
import type { TracePart } from '../ports.ts';

/** More spans are left out, and the answer says so: what a browser can hold. */
export const COLUMN_SPANS_MAX = 4_000_000;

/** ns, 26 days: times beyond it, out of a broken clock, are shown as if they were it. Whole numbers as doubles. */
const TIME_MAX = 2 ** 51 - 1;

export const SpanFlag = { statusMask: 3, orphan: 4 } as const;

const fixed: readonly FixedColumn[] = [
  'start',
  'duration',
  'kind',
  'status',
  'name',
  'resource',
  'parent',
  'subtreeSize',
  'spanId',
  'events',
  'links',
];

export interface SpanRange {
  readonly first: number;
  readonly end: number;
}

/** Rows of a part, given that `taken` rows of earlier parts are there already. */
export function rowsOfPart({ fragment, trace }: TracePart, taken = 0): SpanRange {
  const first = fragment.traceFirstSpan[trace]!;
  const end = Math.min(fragment.traceFirstSpan[trace + 1]!, first + COLUMN_SPANS_MAX - taken);
  return { first, end: Math.max(first, end) };
}

export async function traceColumns(
  parts: readonly TracePart[],
  cost: ReadCost,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  for (const { fragment, trace } of parts) {
    const service = fragment.columns('resource', 'service.name');
    await fragment.load({ fixed, columns: service }, trace, trace + 1, cost, signal);
  }
  return new ColumnsEncoder(parts).encode();
}

/** Unix ns of the earliest span of all parts; a row's `start` counts from it. */
function startOf(parts: readonly TracePart[]): bigint {
  let earliest: bigint | undefined;
  for (const part of parts) {
    const { first, end } = rowsOfPart(part);
    const { start, baseUnixNano } = part.fragment;
    let least = Infinity;
    for (let row = first; row < end; row++) if (start[row]! < least) least = start[row]!;
    const unixNano = least === Infinity ? undefined : baseUnixNano + BigInt(least);
    if (unixNano !== undefined && (earliest === undefined || unixNano < earliest)) earliest = unixNano;
  }
  return earliest ?? 0n;
}

class ColumnsEncoder {
  readonly #parts: readonly TracePart[];
  readonly #startUnixNano: bigint;
  readonly #operations: OperationJson[] = [];
  /** By service, name and kind. */
  readonly #operationCodes = new Map<string, number>();
  readonly #subtree: VarintWriter;
  readonly #start: VarintWriter;
  readonly #duration: VarintWriter;
  readonly #operation: VarintWriter;
  readonly #flags: Uint8Array[] = [];
  readonly #ids: Uint8Array[] = [];
  readonly #events = new OwnerCounts();
  readonly #links = new OwnerCounts();
  #spans = 0;

  constructor(parts: readonly TracePart[]) {
    this.#parts = parts;
    this.#startUnixNano = startOf(parts);
    // About what spans take, so that little is copied on the way.
    const spans = parts.reduce((sum, part) => sum + rowsOfPart(part).end - rowsOfPart(part).first, 0);
    this.#subtree = new VarintWriter(256 + spans * 2);
    this.#start = new VarintWriter(256 + spans * 4);
    this.#duration = new VarintWriter(256 + spans * 4);
    this.#operation = new VarintWriter(256 + spans * 2);
  }

  encode(): Uint8Array[] {
    let total = 0;
    for (const part of this.#parts) {
      const { fragment, trace } = part;
      total += fragment.traceFirstSpan[trace + 1]! - fragment.traceFirstSpan[trace]!;
      this.#part(part, rowsOfPart(part, this.#spans));
    }
    const { fragment, trace } = this.#parts[0]!;
    const head: Omit<TraceColumnsHead, 'sections'> = {
      traceId: Buffer.from(fragment.traceIds.subarray(trace * 16, trace * 16 + 16)).toString('hex'),
      startUnixNano: String(this.#startUnixNano),
      spans: this.#spans,
      totalSpans: total,
      operations: this.#operations,
      attributes: attributeNames(this.#parts),
    };
    return encodeSections(head, {
      subtree: this.#subtree.finish(),
      start: this.#start.finish(),
      duration: this.#duration.finish(),
      operation: this.#operation.finish(),
      flags: joined(this.#flags),
      spanId: joined(this.#ids),
      events: this.#events.finish(),
      links: this.#links.finish(),
    });
  }

  #part({ fragment }: TracePart, { first, end }: SpanRange): void {
    const { start, duration, parent, subtreeSize, status } = fragment;
    const offset = Number(fragment.baseUnixNano - this.#startUnixNano);
    const flags = new Uint8Array(end - first);
    for (let row = first; row < end; row++) {
      const above = parent[row]!;
      this.#subtree.uint(Math.min(subtreeSize[row]!, end - row));
      const since = above < 0 ? start[row]! + offset : start[row]! - start[above]!;
      this.#start.int(Math.max(-TIME_MAX, Math.min(since, TIME_MAX)));
      this.#duration.uint(Math.min(duration[row]!, TIME_MAX));
      flags[row - first] = (status[row]! & SpanFlag.statusMask) | (above === -2 ? SpanFlag.orphan : 0);
    }
    this.#flags.push(flags);
    this.#ids.push(fragment.spanId.subarray(first * 8, end * 8));
    this.#operationsOf(fragment, first, end);
    this.#counts(this.#events, fragment.eventSpan, first, end);
    this.#counts(this.#links, fragment.linkSpan, first, end);
    this.#spans += end - first;
  }

  #operationsOf(fragment: Fragment, first: number, end: number): void {
    const { resource, name, kind } = fragment;
    const services = serviceNames(fragment);
    const names = name.dictionary.strings();
    // Codes of this part by resource row, then by name and kind: text is joined once for each distinct three.
    const known: Map<number, number>[] = [];
    for (let row = first; row < end; row++) {
      const resourceRow = resource[row]!;
      const ofResource = (known[resourceRow] ??= new Map());
      const key = name.codes[row]! * 8 + (kind[row]! & 7);
      let code = ofResource.get(key);
      if (code === undefined) {
        const nameCode = name.codes[row]!;
        code = this.#operationCode({
          service: services[resourceRow] ?? '',
          name: nameCode === 0 ? '' : names[nameCode - 1]!,
          kind: kind[row]!,
        });
        ofResource.set(key, code);
      }
      this.#operation.uint(code);
    }
  }

  #operationCode(operation: OperationJson): number {
    const key = `${operation.kind}\0${operation.service}\0${operation.name}`;
    let code = this.#operationCodes.get(key);
    if (code === undefined) {
      code = this.#operations.push(operation) - 1;
      this.#operationCodes.set(key, code);
    }
    return code;
  }

  /** Rows that own something, with how many: pairs of (rows since the pair before, count). */
  #counts(out: OwnerCounts, owners: Uint32Array, first: number, end: number): void {
    for (let i = lowerBound(owners, owners.length, first); i < owners.length && owners[i]! < end; ) {
      const row = owners[i]!;
      let count = 0;
      for (; i < owners.length && owners[i] === row; i++) count++;
      out.add(row - first + this.#spans, count);
    }
  }
}

class OwnerCounts {
  readonly #writer = new VarintWriter(16);
  #lastRow = 0;

  add(row: number, count: number): void {
    this.#writer.uint(row - this.#lastRow);
    this.#writer.uint(count);
    this.#lastRow = row;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

/** Service name of each resource row; undefined where there is none. */
function serviceNames(fragment: Fragment): (string | undefined)[] {
  const names: (string | undefined)[] = new Array(fragment.resourceCount).fill(undefined);
  for (const column of fragment.columns('resource', 'service.name')) {
    if (column.type !== 'string') continue;
    const values = column.dictionary.strings();
    for (let row = 0; row < names.length; row++) {
      const code = column.codes[row]!;
      if (code !== 0) names[row] = values[code - 1];
    }
  }
  return names;
}

/** What can be asked for; whether the trace has a value of it is not looked up. */
function attributeNames(parts: readonly TracePart[]): TraceAttributeName[] {
  const names = new Map<string, TraceAttributeName>();
  for (const { fragment } of parts) {
    for (const scope of ['span', 'resource'] as const) {
      for (const { key } of fragment.columns(scope)) names.set(`${scope}.${key}`, { scope, key });
    }
  }
  return [...names.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
