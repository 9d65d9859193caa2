/**
 * Values as vectors, to group by and to measure with. Group codes are numbers that stand for values, given out as values
 * appear. For attribute columns a value is looked at once and then known by its code in the column.
 */
import type { AttributeRef, FieldExpression } from '../../traceql/ast.ts';
import type { ResultValue } from '../../traceql/result.ts';
import type { Column, Dictionary, Fragment, LoadRequest } from '../../traceql/storage.ts';
import { compileExpression } from './compile.ts';
import type { Expression } from './expression.ts';
import { dictionaryReader } from './predicate.ts';
import type { TraceRange } from './range.ts';
import { type ColumnPart, type Layer, Reads, resolve } from './source.ts';
import { Cell, keyOf, literalValue, numeric, resultOf, Type, type Value } from './value.ts';

/** The codes of one expression over one fragment. */
export interface CompiledGroup {
  readonly request: LoadRequest;
  /**
   * Writes the code of each row of a loaded range into `out` (as long as the range). 0 is nil. A value has one code, the
   * same for all ranges of the fragment.
   */
  codes(range: TraceRange, out: Uint32Array): void;
  /** One more than the highest code given out so far. */
  readonly codeCount: number;
  /** The value behind a code that was given out. Arrays of two or more elements, maps and bytes are `any`. */
  label(code: number): ResultValue;
  /** The same as an engine value. */
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

/** Numbers values by first appearance. 0 is nil. */
class ValueNumbers {
  readonly #codeOf = new Map<string, number>();
  readonly #values: Value[] = [literalValue({ type: 'nil' })];

  get count(): number {
    return this.#values.length;
  }

  value(code: number): Value {
    return this.#values[code]!;
  }

  code(value: Value): number {
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

const unknownCode = 0xffffffff;

/** The group code of each code of a column, found when a row first has it. */
class ColumnCodes {
  readonly #part: ColumnPart;
  readonly #numbers: ValueNumbers;
  readonly #cell = new Cell();
  #dictionary: Dictionary | undefined;
  #read: (index: number, out: Cell) => void = () => {};
  codes = new Uint32Array(0);

  constructor(part: ColumnPart, numbers: ValueNumbers) {
    this.#part = part;
    this.#numbers = numbers;
  }

  /** Must come after every load: a dictionary may have been replaced by a larger one. */
  refresh(): void {
    const { dictionary } = this.#part.column;
    if (dictionary === this.#dictionary) return;
    this.#dictionary = dictionary;
    this.#read = dictionaryReader(dictionary);
    this.codes = new Uint32Array(dictionary.size + 1).fill(unknownCode);
    this.#cell.setString('');
    this.codes[0] = this.#part.emptyWhenMissing ? this.#numbers.code(this.#cell) : 0;
  }

  find(code: number): number {
    this.#read(code - 1, this.#cell);
    return (this.codes[code] = this.#numbers.code(this.#cell));
  }
}

const noRows = new Uint32Array(0);

/** Columns over spans and resources. */
class ColumnGroup implements CompiledGroup {
  readonly request: LoadRequest;
  readonly #fragment: Fragment;
  readonly #numbers = new ValueNumbers();
  readonly #columns: readonly {
    readonly column: Column;
    readonly onResources: boolean;
    readonly groups: ColumnCodes;
  }[];

  constructor(source: readonly Layer[], fragment: Fragment) {
    this.#fragment = fragment;
    this.request = new Reads().addSource(source).request();
    // Of lower precedence first, so that later ones overwrite them.
    this.#columns = source
      .flatMap((layer) =>
        layer.parts.map((part) => ({
          column: (part as ColumnPart).column,
          onResources: layer.level === 'resource',
          groups: new ColumnCodes(part as ColumnPart, this.#numbers),
        })),
      )
      .reverse();
  }

  get codeCount(): number {
    return this.#numbers.count;
  }

  codes({ firstRow }: TraceRange, out: Uint32Array): void {
    out.fill(0);
    for (const { column, onResources, groups } of this.#columns) {
      // Loaded only when a column stands on resources.
      const resource = onResources ? this.#fragment.resource : noRows;
      groups.refresh();
      const known = groups.codes;
      const { codes } = column;
      for (let i = 0; i < out.length; i++) {
        const own = codes[onResources ? resource[firstRow + i]! : firstRow + i]!;
        const code = known[own]!;
        if (code !== 0) out[i] = code === unknownCode ? groups.find(own) : code;
      }
    }
  }

  label(code: number): ResultValue {
    return resultOf(this.#numbers.value(code));
  }

  value(code: number): Value {
    return this.#numbers.value(code);
  }
}

/** Any expression: values are numbered by first appearance. */
class NumberedGroup implements CompiledGroup {
  readonly request: LoadRequest;
  readonly #expression: Expression;
  readonly #numbers = new ValueNumbers();

  constructor(expression: FieldExpression, fragment: Fragment) {
    const reads = new Reads();
    this.#expression = compileExpression(expression, fragment, reads);
    this.request = reads.request();
  }

  get codeCount(): number {
    return this.#numbers.count;
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
        lastCode = this.#numbers.code(expression);
      }
      out[i] = lastCode;
    }
  }

  label(code: number): ResultValue {
    return resultOf(this.#numbers.value(code));
  }

  value(code: number): Value {
    return this.#numbers.value(code);
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
