/**
 * Where the values of an attribute or intrinsic stand in a fragment.
 *
 * A {@link Source} is a list of layers in order of precedence (the unscoped `.x` has two: spans, then resources), a layer
 * is a list of parts over the same rows (an attribute written with two types has two columns, and a row has a value in
 * one of them), and a part is one of three shapes: a dictionary column, an array of numbers, or an array of ids.
 */
import type { AttributeNode, AttributeRef, Intrinsic } from '../../traceql/ast.ts';
import type { Column, FixedColumn, Fragment, LoadRequest } from '../../traceql/storage.ts';
import type { TraceRange } from './range.ts';
import { childCounts, type NestedSetNumber, nestedSetNumbers } from './structure-numbers.ts';
import { Type } from './value.ts';

/** The rows that values are stored by. */
export type Level = 'span' | 'resource' | 'event' | 'link' | 'trace';

export interface ColumnPart {
  readonly shape: 'column';
  readonly fixed: readonly FixedColumn[];
  readonly column: Column;
  /** A row without a value has the empty string. */
  readonly emptyWhenMissing: boolean;
}

/** The value of a row is `array[row - offset]`. */
export interface NumberRows {
  readonly array: Float64Array | Int32Array | Uint8Array;
  readonly offset: number;
}

export interface NumberPart {
  readonly shape: 'number';
  readonly fixed: readonly FixedColumn[];
  readonly type: Type;
  rows(range: TraceRange): NumberRows;
}

/** Ids as hexadecimal text. */
export interface IdPart {
  readonly shape: 'id';
  readonly fixed: readonly FixedColumn[];
  readonly sizeBytes: 8 | 16;
  bytes(): Uint8Array;
  /** Without leading zeros, as trace ids are written in answers. */
  readonly short: boolean;
  /** Zeros mean that there is none. */
  readonly zeroIsNil: boolean;
}

export type Part = ColumnPart | NumberPart | IdPart;

export interface Layer {
  readonly level: Level;
  readonly parts: readonly Part[];
}

/** No layers: nil for every span. */
export type Source = readonly Layer[];

export function resolve(ref: AttributeRef, fragment: Fragment): Source {
  const layers = ref.kind === 'intrinsic' ? [intrinsicLayer(ref.intrinsic, fragment)] : attributeLayers(ref, fragment);
  return layers.filter((layer) => layer.parts.length > 0);
}

function attributeLayers(ref: AttributeNode, fragment: Fragment): Layer[] {
  const layer = (scope: 'span' | 'resource' | 'event' | 'link' | 'instrumentation', level: Level): Layer => ({
    level,
    parts: fragment.columns(scope, ref.name).map((column) => columnPart(column, [])),
  });
  switch (ref.scope) {
    case 'none':
      return [layer('span', 'span'), layer('resource', 'resource')];
    case 'instrumentation':
      return [layer('instrumentation', 'resource')];
    default:
      return [layer(ref.scope, ref.scope)];
  }
}

function columnPart(column: Column, fixed: readonly FixedColumn[], emptyWhenMissing = false): ColumnPart {
  return { shape: 'column', column, fixed, emptyWhenMissing };
}

function intrinsicLayer(intrinsic: Intrinsic, f: Fragment): Layer {
  switch (intrinsic) {
    case 'span:duration':
      return spanNumbers(['duration'], Type.duration, () => ({ array: f.duration, offset: 0 }));
    case 'span:name':
      return { level: 'span', parts: [columnPart(f.name, ['name'], true)] };
    case 'span:status':
      return spanNumbers(['status'], Type.status, () => ({ array: f.status, offset: 0 }));
    case 'span:statusMessage':
      return { level: 'span', parts: [columnPart(f.statusMessage, ['statusMessage'], true)] };
    case 'span:kind':
      return spanNumbers(['kind'], Type.kind, () => ({ array: f.kind, offset: 0 }));
    case 'span:id':
      return ids('span', ['spanId'], 8, () => f.spanId, { short: false, zeroIsNil: false });
    case 'span:parentID':
      return ids('span', ['parentSpanId'], 8, () => f.parentSpanId, { short: false, zeroIsNil: true });
    case 'span:childCount':
      return spanNumbers(['parent'], Type.int, (range) => ({ array: childCounts(f, range), offset: range.firstRow }));
    case 'trace:duration':
      return {
        level: 'trace',
        parts: [{ shape: 'number', fixed: [], type: Type.duration, rows: (range) => traceDurations(f, range) }],
      };
    case 'trace:rootName':
      return { level: 'trace', parts: [columnPart(f.traceRootName, [], true)] };
    case 'trace:rootService':
      return { level: 'trace', parts: [columnPart(f.traceRootService, [], true)] };
    case 'trace:id':
      return ids('trace', [], 16, () => f.traceIds, { short: true, zeroIsNil: false });
    case 'event:name':
      return { level: 'event', parts: [columnPart(f.eventName, ['events'], true)] };
    case 'event:timeSinceStart':
      return {
        level: 'event',
        parts: [
          {
            shape: 'number',
            fixed: ['events'],
            type: Type.duration,
            rows: () => ({ array: f.eventTime, offset: 0 }),
          },
        ],
      };
    case 'link:traceID':
      return ids('link', ['links'], 16, () => f.linkTraceId, { short: true, zeroIsNil: false });
    case 'link:spanID':
      return ids('link', ['links'], 8, () => f.linkSpanId, { short: false, zeroIsNil: false });
    case 'instrumentation:name':
      return { level: 'resource', parts: [columnPart(f.scopeName, [], true)] };
    case 'instrumentation:version':
      return { level: 'resource', parts: [columnPart(f.scopeVersion, [], true)] };
    case 'nestedSetLeft':
    case 'nestedSetRight':
    case 'nestedSetParent':
      return nestedSet(f, intrinsic);
    case 'parent':
      // Refused by the checker wherever it would be evaluated.
      return { level: 'span', parts: [] };
  }
}

function spanNumbers(fixed: FixedColumn[], type: Type, rows: (range: TraceRange) => NumberRows): Layer {
  return { level: 'span', parts: [{ shape: 'number', fixed, type, rows }] };
}

function nestedSet(fragment: Fragment, number: NestedSetNumber): Layer {
  return spanNumbers(['parent', 'subtreeSize'], Type.int, (range) => ({
    array: nestedSetNumbers(fragment, range, number),
    offset: range.firstRow,
  }));
}

function ids(
  level: Level,
  fixed: FixedColumn[],
  sizeBytes: 8 | 16,
  bytes: () => Uint8Array,
  options: { short: boolean; zeroIsNil: boolean },
): Layer {
  return { level, parts: [{ shape: 'id', fixed, sizeBytes, bytes, ...options }] };
}

function traceDurations(fragment: Fragment, range: TraceRange): NumberRows {
  const array = new Float64Array(range.endTrace - range.firstTrace);
  for (let i = 0; i < array.length; i++) {
    array[i] = fragment.traceEnd[range.firstTrace + i]! - fragment.traceStart[range.firstTrace + i]!;
  }
  return { array, offset: range.firstTrace };
}

/** Collects what several parts of a query need into one request. */
export class Reads {
  readonly #fixed = new Set<FixedColumn>();
  readonly #columns = new Set<Column>();

  addFixed(...names: FixedColumn[]): this {
    for (const name of names) this.#fixed.add(name);
    return this;
  }

  addSource(source: Source): this {
    for (const layer of source) {
      if (layer.level === 'resource') this.#fixed.add('resource');
      else if (layer.level === 'event') this.#fixed.add('events');
      else if (layer.level === 'link') this.#fixed.add('links');
      for (const part of layer.parts) {
        this.addFixed(...part.fixed);
        if (part.shape === 'column' && part.column.scope !== 'fixed') this.#columns.add(part.column);
      }
    }
    return this;
  }

  add(request: LoadRequest): this {
    this.addFixed(...request.fixed);
    for (const column of request.columns) this.#columns.add(column);
    return this;
  }

  request(): LoadRequest {
    return { fixed: [...this.#fixed], columns: [...this.#columns] };
  }
}
