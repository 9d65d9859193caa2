/**
 * One trace of a fragment, made ready for writing it out as OTLP: everything loaded, the columns that the trace has no
 * value in left out, and its span rows grouped the way OTLP nests them.
 *
 *   fragment rows        0 1 2 3 4 5 6       depth first, each names a resource row
 *   resource rows        a b a c b a a       a, b: the same resource, two scopes; c: another resource
 *   groups      resource a: scope a → 0 2 5 6
 *                           scope b → 1 4
 *               resource c: scope c → 3
 *
 * Groups stand in the order in which the trace first names them; rows inside one stay in the fragment's order. Attribute
 * columns are sorted by key.
 */
import type { Column, FixedColumn, Fragment, ReadCost } from '../../traceql/storage.ts';
import type { TracePart } from '../ports.ts';

export interface ScopeGroup {
  /** Resource row whose scope part holds for the rows. */
  readonly resourceRow: number;
  readonly rows: Uint32Array;
}

export interface ResourceGroup {
  /** A resource row whose resource part holds for the group. */
  readonly resourceRow: number;
  readonly scopes: readonly ScopeGroup[];
}

/** Rarely set fields; undefined where no row has a value. */
export interface FieldColumns {
  readonly traceState: Column | undefined;
  readonly flags: Column | undefined;
  readonly droppedAttributesCount: Column | undefined;
  readonly droppedEventsCount: Column | undefined;
  readonly droppedLinksCount: Column | undefined;
  readonly duplicateAttributes: Column | undefined;
}

export interface ResourceColumns {
  readonly attributes: readonly Column[];
  readonly scopeAttributes: readonly Column[];
  readonly schemaUrl: Column | undefined;
  readonly droppedAttributesCount: Column | undefined;
  readonly entityRefs: Column | undefined;
  readonly duplicateAttributes: Column | undefined;
  readonly scopeSchemaUrl: Column | undefined;
  readonly scopeDroppedAttributesCount: Column | undefined;
  readonly scopeDuplicateAttributes: Column | undefined;
}

export interface TraceRows {
  readonly fragment: Fragment;
  readonly trace: number;
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  readonly firstSpan: number;
  readonly endSpan: number;
  readonly groups: readonly ResourceGroup[];
  readonly resources: ResourceColumns;
  readonly spanAttributes: readonly Column[];
  readonly spanFields: FieldColumns;
  /** First event row of span firstSpan + i, and the end behind the last; undefined when the trace has no events. */
  readonly eventStart: Uint32Array | undefined;
  readonly eventAttributes: readonly Column[];
  readonly eventFields: FieldColumns;
  readonly linkStart: Uint32Array | undefined;
  readonly linkAttributes: readonly Column[];
  readonly linkFields: FieldColumns;
}

const scopes = [
  'span',
  'resource',
  'instrumentation',
  'event',
  'link',
  'spanField',
  'eventField',
  'linkField',
  'resourceField',
] as const;

const fixedColumns: readonly FixedColumn[] = [
  'start',
  'duration',
  'kind',
  'status',
  'name',
  'statusMessage',
  'resource',
  'spanId',
  'parentSpanId',
  'events',
  'links',
];

export async function loadTraceRows(part: TracePart, cost: ReadCost, signal: AbortSignal): Promise<TraceRows> {
  const { fragment, trace } = part;
  const columns = scopes.flatMap((scope) => fragment.columns(scope));
  await fragment.load({ fixed: fixedColumns, columns }, trace, trace + 1, cost, signal);
  return viewOf(fragment, trace, fragment.traceFirstSpan[trace + 1]!);
}

/** The first `spans` spans of a loaded trace. */
export function firstSpansOf(rows: TraceRows, spans: number): TraceRows {
  return viewOf(rows.fragment, rows.trace, Math.min(rows.endSpan, rows.firstSpan + spans));
}

function viewOf(fragment: Fragment, trace: number, endSpan: number): TraceRows {
  const firstSpan = fragment.traceFirstSpan[trace]!;
  const { traceFirstEvent, traceFirstLink, eventSpan, linkSpan } = fragment;
  const eventStart = childStarts(eventSpan, traceFirstEvent[trace]!, traceFirstEvent[trace + 1]!, firstSpan, endSpan);
  const linkStart = childStarts(linkSpan, traceFirstLink[trace]!, traceFirstLink[trace + 1]!, firstSpan, endSpan);
  const events = rangeOf(eventStart);
  const links = rangeOf(linkStart);
  return {
    fragment,
    trace,
    traceId: fragment.traceIds.subarray(trace * 16, trace * 16 + 16),
    firstSpan,
    endSpan,
    groups: groupRows(fragment, firstSpan, endSpan),
    resources: resourceColumns(fragment),
    spanAttributes: byKey(fragment.columns('span').filter((column) => hasValue(column, firstSpan, endSpan))),
    spanFields: fieldColumns(fragment, 'spanField', firstSpan, endSpan),
    eventStart,
    eventAttributes: byKey(fragment.columns('event').filter((column) => hasValue(column, ...events))),
    eventFields: fieldColumns(fragment, 'eventField', ...events),
    linkStart,
    linkAttributes: byKey(fragment.columns('link').filter((column) => hasValue(column, ...links))),
    linkFields: fieldColumns(fragment, 'linkField', ...links),
  };
}

/** Storage has columns in any order; a trace looks the same wherever it is. */
function byKey(columns: readonly Column[]): readonly Column[] {
  return columns.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.type < b.type ? -1 : 1));
}

function hasValue(column: Column, first: number, end: number): boolean {
  const codes = column.codes;
  for (let row = first; row < end; row++) if (codes[row] !== 0) return true;
  return false;
}

function fieldColumns(
  fragment: Fragment,
  scope: 'spanField' | 'eventField' | 'linkField',
  first: number,
  end: number,
): FieldColumns {
  const find = (key: string) => fragment.columns(scope, key).find((column) => hasValue(column, first, end));
  return {
    traceState: find('traceState'),
    flags: find('flags'),
    droppedAttributesCount: find('droppedAttributesCount'),
    droppedEventsCount: find('droppedEventsCount'),
    droppedLinksCount: find('droppedLinksCount'),
    duplicateAttributes: find('duplicateAttributes'),
  };
}

function resourceColumns(fragment: Fragment): ResourceColumns {
  const find = (key: string) => fragment.columns('resourceField', key)[0];
  return {
    attributes: byKey(fragment.columns('resource')),
    scopeAttributes: byKey(fragment.columns('instrumentation')),
    schemaUrl: find('resourceSchemaUrl'),
    droppedAttributesCount: find('resourceDroppedAttributesCount'),
    entityRefs: find('entityRefs'),
    duplicateAttributes: find('resourceDuplicateAttributes'),
    scopeSchemaUrl: find('scopeSchemaUrl'),
    scopeDroppedAttributesCount: find('scopeDroppedAttributesCount'),
    scopeDuplicateAttributes: find('scopeDuplicateAttributes'),
  };
}

/** Where the events (or links) of each span begin, by one walk over those of the trace: [first, end). */
function childStarts(
  owner: Uint32Array,
  first: number,
  end: number,
  firstSpan: number,
  endSpan: number,
): Uint32Array | undefined {
  if (first === end) return undefined;
  const starts = new Uint32Array(endSpan - firstSpan + 1);
  let child = first;
  for (let row = firstSpan; row < endSpan; row++) {
    starts[row - firstSpan] = child;
    while (child < end && owner[child] === row) child++;
  }
  starts[endSpan - firstSpan] = child;
  return starts;
}

function rangeOf(starts: Uint32Array | undefined): [number, number] {
  return starts === undefined ? [0, 0] : [starts[0]!, starts[starts.length - 1]!];
}

function groupRows(fragment: Fragment, firstSpan: number, endSpan: number): ResourceGroup[] {
  const resource = fragment.resource;
  const counts = new Uint32Array(fragment.resourceCount);
  const resourceRows: number[] = [];
  for (let row = firstSpan; row < endSpan; row++) {
    const resourceRow = resource[row]!;
    if (counts[resourceRow]!++ === 0) resourceRows.push(resourceRow);
  }
  // From here on counts[r] is where the next row of resource row r goes.
  const ends: number[] = [];
  let total = 0;
  for (const resourceRow of resourceRows) {
    const count = counts[resourceRow]!;
    counts[resourceRow] = total;
    total += count;
    ends.push(total);
  }
  const sorted = new Uint32Array(total);
  for (let row = firstSpan; row < endSpan; row++) sorted[counts[resource[row]!]!++] = row;

  const groups = new Map<string, { resourceRow: number; scopes: ScopeGroup[] }>();
  const resourcePart = resourcePartColumns(fragment);
  for (const [index, resourceRow] of resourceRows.entries()) {
    const rows = sorted.subarray(ends[index - 1] ?? 0, ends[index]);
    // Equal codes are equal values. A dictionary may repeat a value: then equal resources stay apart, which is allowed.
    const key = resourcePart.map((column) => column.codes[resourceRow]).join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { resourceRow, scopes: [{ resourceRow, rows }] });
    else group.scopes.push({ resourceRow, rows });
  }
  return [...groups.values()];
}

function resourcePartColumns(fragment: Fragment): Column[] {
  const fields = ['resourceSchemaUrl', 'resourceDroppedAttributesCount', 'entityRefs', 'resourceDuplicateAttributes'];
  return [...fragment.columns('resource'), ...fields.flatMap((key) => fragment.columns('resourceField', key))];
}
