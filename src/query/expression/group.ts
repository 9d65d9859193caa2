/**
 * Values as vectors, to group by and to measure with. Group codes are numbers that stand for values: for attribute
 * columns they are the columns' own codes side by side, so that grouping never touches the values; for everything else
 * values are numbered as they appear.
 */
import type { AttributeRef, FieldExpression } from '../../traceql/ast.ts';
import type { ResultValue } from '../../traceql/result.ts';
import type { Fragment, LoadRequest } from '../../traceql/storage.ts';
import { compileExpression, type Expression } from './expression.ts';
import { dictionaryReader } from './predicate.ts';
import type { TraceRange } from './range.ts';
import { type ColumnPart, type Layer, Reads, resolve } from './source.ts';
import { Cell, keyOf, literalValue, numeric, resultOf, Type, type Value } from './value.ts';

/** The codes of one expression over one fragment. */
export interface CompiledGroup {
  readonly request: LoadRequest;
  /**
   * Writes the code of each row of a loaded range into `out` (as long as the range). 0 is nil. Codes are the same for all
   * ranges of the fragment; equal values may have several codes: merge by label.
   */
  codes(range: TraceRange, out: Uint32Array): void;
  /** One more than the highest code given out so far. */
  readonly codeCount: number;
  /** The value behind a code that was given out. Arrays of two or more elements, maps and bytes are `any`. */
  label(code: number): ResultValue;
  /** The same as an engine value. Valid until the next call. */
  value(code: number): Value;
}

/** Groups by an attribute, an intrinsic or any expression. */
export function compileGroup(expression: FieldExpression, fragment: Fragment): CompiledGroup {
  if (expression.kind === 'attribute' || expression.kind === 'intrinsic') {
    const source = resolve(expression, fragment);
    if (source.every((layer) => isCoded(layer))) return new ColumnGroup(source, fragment);
  }
  return new NumberedGroup(expression, fragment);
}

/** `any` values may be nil although they have a code, so they are looked at one by one. */
const isCoded = (layer: Layer): boolean =>
  (layer.level === 'span' || layer.level === 'resource') &&
  layer.parts.every((part) => part.shape === 'column' && part.column.type !== 'any');

/** Columns over spans and resources: code = offset of the column + the column's code. */
class ColumnGroup implements CompiledGroup {
  readonly request: LoadRequest;
  readonly #fragment: Fragment;
  readonly #columns: readonly { readonly part: ColumnPart; readonly onResources: boolean }[];
  /** Offset of each column; set when dictionaries are loaded. */
  #offsets: number[] = [];
  #codeCount = 1;
  readonly #cell = new Cell();

  constructor(source: readonly Layer[], fragment: Fragment) {
    this.#fragment = fragment;
    this.request = new Reads().addSource(source).request();
    this.#columns = source.flatMap((layer) =>
      layer.parts.map((part) => ({ part: part as ColumnPart, onResources: layer.level === 'resource' })),
    );
  }

  get codeCount(): number {
    return this.#codeCount;
  }

  codes(range: TraceRange, out: Uint32Array): void {
    this.#number();
    out.fill(0);
    // Columns of lower precedence first, so that later ones overwrite them.
    for (let c = this.#columns.length - 1; c >= 0; c--) {
      const { part, onResources } = this.#columns[c]!;
      const { codes } = part.column;
      const offset = this.#offsets[c]!;
      // A missing value with a default has the column's code 0, which is its own group.
      const keep = part.emptyWhenMissing ? -1 : 0;
      if (onResources) {
        const { resource } = this.#fragment;
        for (let i = 0; i < out.length; i++) {
          const code = codes[resource[range.firstRow + i]!]!;
          if (code !== keep) out[i] = offset + code;
        }
      } else {
        for (let i = 0; i < out.length; i++) {
          const code = codes[range.firstRow + i]!;
          if (code !== keep) out[i] = offset + code;
        }
      }
    }
  }

  label(code: number): ResultValue {
    return resultOf(this.value(code));
  }

  value(code: number): Value {
    const cell = this.#cell;
    cell.setNil();
    if (code === 0) return cell;
    let c = this.#columns.length - 1;
    while (code < this.#offsets[c]!) c--;
    const { part } = this.#columns[c]!;
    const own = code - this.#offsets[c]!;
    if (own === 0) cell.setString('');
    else dictionaryReader(part.column.dictionary)(own - 1, cell);
    return cell;
  }

  #number(): void {
    if (this.#offsets.length > 0) return;
    let next = 1;
    for (const { part } of this.#columns) {
      this.#offsets.push(next);
      next += part.column.dictionary.size + 1;
    }
    this.#codeCount = next;
  }
}

/** Any expression: values are numbered by first appearance. */
class NumberedGroup implements CompiledGroup {
  readonly request: LoadRequest;
  readonly #expression: Expression;
  readonly #codeOf = new Map<string, number>();
  readonly #values: Value[] = [literalValue({ type: 'nil' })];

  constructor(expression: FieldExpression, fragment: Fragment) {
    const reads = new Reads();
    this.#expression = compileExpression(expression, fragment, reads);
    this.request = reads.request();
  }

  get codeCount(): number {
    return this.#values.length;
  }

  codes(range: TraceRange, out: Uint32Array): void {
    const expression = this.#expression;
    expression.prepare(range);
    // Neighbouring spans often share the value (of their trace, say): do not build its key again.
    const last = new Cell();
    let lastCode = 0;
    for (let i = 0; i < out.length; i++) {
      expression.at(range.firstRow + i);
      if (expression.type !== last.type || expression.num !== last.num || expression.ref !== last.ref) {
        last.copy(expression);
        lastCode = this.#code(expression);
      }
      out[i] = lastCode;
    }
  }

  label(code: number): ResultValue {
    return resultOf(this.value(code));
  }

  value(code: number): Value {
    return this.#values[code]!;
  }

  #code(value: Value): number {
    if (value.type === Type.nil) return 0;
    const key = keyOf(value);
    let code = this.#codeOf.get(key);
    if (code === undefined) {
      code = this.#values.length;
      const copy = new Cell();
      copy.copy(value);
      this.#values.push(copy);
      this.#codeOf.set(key, code);
    }
    return code;
  }
}

/** Measured values of one attribute over one fragment. */
export interface CompiledNumbers {
  readonly request: LoadRequest;
  /** Durations are ns; whoever shows seconds divides. */
  readonly isDuration: boolean;
  /** Writes the value of each row of a loaded range; NaN where it is missing or no number. Ints beyond 2^53 are rounded. */
  numbers(range: TraceRange, out: Float64Array): void;
}

const durations: ReadonlySet<string> = new Set(['span:duration', 'trace:duration', 'event:timeSinceStart']);

export function compileNumbers(ref: AttributeRef, fragment: Fragment): CompiledNumbers {
  if (ref.kind === 'intrinsic' && ref.intrinsic === 'span:duration') {
    return {
      request: { fixed: ['duration'], columns: [] },
      isDuration: true,
      numbers: ({ firstRow, endRow }, out) => out.set(fragment.duration.subarray(firstRow, endRow)),
    };
  }
  const reads = new Reads();
  const expression = compileExpression(ref, fragment, reads);
  return {
    request: reads.request(),
    isDuration: ref.kind === 'intrinsic' && durations.has(ref.intrinsic),
    numbers: (range, out) => {
      expression.prepare(range);
      for (let i = 0; i < out.length; i++) {
        expression.at(range.firstRow + i);
        out[i] = numeric(expression);
      }
    },
  };
}
