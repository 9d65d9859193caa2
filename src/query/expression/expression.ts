/**
 * Expressions row by row, for what has no vectorised form: arithmetic, comparisons of two attributes, keys of `by()` and
 * measured values. A compiled node is its own {@link Cell}: `at(row)` leaves the value of that span in it.
 */
import type { AttributeRef, BinaryOperator, FieldExpression } from '../../traceql/ast.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { readId } from './attribute-mask.ts';
import { dictionaryReader, meets, type Predicate, predicate } from './predicate.ts';
import { childRows, type TraceRange, traceOfRow } from './range.ts';
import { type Layer, type Level, type NumberPart, type NumberRows, type Part, type Reads, resolve } from './source.ts';
import { Cell, calculate, compareValues, literalValue, negate, Type, type Value } from './value.ts';

export abstract class Expression extends Cell {
  /** Must come before `at` for rows of the range; the range must be loaded. */
  abstract prepare(range: TraceRange): void;
  /** Sets this cell to the value for a span row. */
  abstract at(row: number): void;
}

/** The node of a binary operator. */
export function combine(op: BinaryOperator, lhs: Expression, rhs: Expression): Expression {
  switch (op) {
    case '&&':
    case '||':
      return new Logic(op, lhs, rhs);
    case '=~':
    case '!~':
      return new Regex(op, lhs, rhs);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
      return new Arithmetic(op, lhs, rhs);
    default:
      return new Comparison(op, lhs, rhs);
  }
}

/** Value of an expression without references, else undefined. */
export function constantValue(expression: FieldExpression): Value | undefined {
  switch (expression.kind) {
    case 'static':
      return literalValue(expression.static);
    case 'attribute':
    case 'intrinsic':
      return undefined;
    case 'unary': {
      const operand = constantValue(expression.operand);
      if (operand === undefined) return undefined;
      const constant = new Constant(operand);
      return evaluate(expression.op === '!' ? new Not(constant) : new Negation(constant));
    }
    case 'binary': {
      const lhs = constantValue(expression.lhs);
      if (lhs === undefined) return undefined;
      const rhs = constantValue(expression.rhs);
      return rhs === undefined ? undefined : evaluate(combine(expression.op, new Constant(lhs), new Constant(rhs)));
    }
  }
}

function evaluate(expression: Expression): Value {
  expression.at(0);
  return expression;
}

export class Constant extends Expression {
  constructor(value: Value) {
    super();
    this.copy(value);
  }
  override prepare(): void {}
  override at(): void {}
}

abstract class Unary extends Expression {
  protected readonly operand: Expression;
  constructor(operand: Expression) {
    super();
    this.operand = operand;
  }
  override prepare(range: TraceRange): void {
    this.operand.prepare(range);
  }
}

/** Nil for what is no boolean. */
export class Not extends Unary {
  override at(row: number): void {
    this.operand.at(row);
    if (this.operand.type === Type.bool) this.setBool(this.operand.num === 0);
    else this.setNil();
  }
}

export class Negation extends Unary {
  override at(row: number): void {
    this.operand.at(row);
    negate(this.operand, this);
  }
}

abstract class Binary extends Expression {
  protected readonly op: BinaryOperator;
  protected readonly lhs: Expression;
  protected readonly rhs: Expression;
  constructor(op: BinaryOperator, lhs: Expression, rhs: Expression) {
    super();
    this.op = op;
    this.lhs = lhs;
    this.rhs = rhs;
  }
  override prepare(range: TraceRange): void {
    this.lhs.prepare(range);
    this.rhs.prepare(range);
  }
}

class Logic extends Binary {
  override at(row: number): void {
    this.lhs.at(row);
    const left = this.lhs.type === Type.bool && this.lhs.num !== 0;
    if (left === (this.op === '||')) {
      this.setBool(left);
      return;
    }
    this.rhs.at(row);
    this.setBool(this.rhs.type === Type.bool && this.rhs.num !== 0);
  }
}

class Arithmetic extends Binary {
  override at(row: number): void {
    this.lhs.at(row);
    this.rhs.at(row);
    calculate(this.op, this.lhs, this.rhs, this);
  }
}

class Comparison extends Binary {
  /** `= nil` and `!= nil` ask for existence; `nil = nil` is false like `nil != nil`. */
  readonly #asksNil: 'lhs' | 'rhs' | undefined;

  constructor(op: BinaryOperator, lhs: Expression, rhs: Expression) {
    super(op, lhs, rhs);
    const leftNil = lhs instanceof Constant && lhs.type === Type.nil;
    const rightNil = rhs instanceof Constant && rhs.type === Type.nil;
    this.#asksNil = leftNil === rightNil ? undefined : leftNil ? 'rhs' : 'lhs';
  }

  override at(row: number): void {
    this.lhs.at(row);
    this.rhs.at(row);
    if (this.#asksNil === undefined) {
      this.setBool(compareValues(this.op, this.lhs, this.rhs));
      return;
    }
    const isNil = this[this.#asksNil].type === Type.nil;
    this.setBool(this.op === '=' ? isNil : this.op === '!=' && !isNil);
  }
}

class Regex extends Binary {
  readonly #predicate: Predicate;

  constructor(op: BinaryOperator, lhs: Expression, rhs: Expression) {
    super(op, lhs, rhs);
    // The checker lets only literals through; anything else has no pattern and matches nothing.
    this.#predicate = predicate(op, rhs instanceof Constant ? rhs : new Cell());
  }

  override at(row: number): void {
    this.lhs.at(row);
    this.setBool(meets(this.#predicate, this.lhs));
  }
}

/** Reads a row of the part's own level; nil when it has no value. */
type Reader = (row: number, out: Cell) => void;

function readerOf(part: Part, range: TraceRange): Reader {
  switch (part.shape) {
    case 'column': {
      const { codes, dictionary } = part.column;
      const read = dictionaryReader(dictionary);
      const { emptyWhenMissing } = part;
      return (row, out) => {
        const code = codes[row]!;
        if (code !== 0) read(code - 1, out);
        else if (emptyWhenMissing) out.setString('');
        else out.setNil();
      };
    }
    case 'number': {
      const { array, offset } = part.rows(range);
      const { type } = part;
      return (row, out) => out.setNumber(type, array[row - offset]!);
    }
    case 'id': {
      const bytes = part.bytes();
      return (row, out) => readId(part, bytes, row, out);
    }
  }
}

/**
 * The value an attribute or intrinsic has for a span. Of several events or links the last one counts that has it and
 * that `accept` accepts.
 */
export class Reference extends Expression {
  readonly #fragment: Fragment;
  readonly #layers: readonly LayerReader[];
  /** Set when the values are an array of numbers over spans (durations, mostly): no need to ask layers. */
  readonly #numbers: NumberPart | undefined;
  #array: NumberRows['array'] = new Float64Array(0);
  #offset = 0;

  constructor(ref: AttributeRef, fragment: Fragment, reads: Reads, accept?: (value: Value) => boolean) {
    super();
    this.#fragment = fragment;
    const source = resolve(ref, fragment);
    reads.addSource(source);
    const only = source.length === 1 && source[0]!.level === 'span' ? source[0]!.parts[0]! : undefined;
    this.#numbers = only?.shape === 'number' ? only : undefined;
    this.#layers = source.map((layer) => new LayerReader(layer, fragment, accept));
  }

  override prepare(range: TraceRange): void {
    if (this.#numbers !== undefined) {
      const { array, offset } = this.#numbers.rows(range);
      this.#array = array;
      this.#offset = offset;
      return;
    }
    for (const layer of this.#layers) layer.prepare(range);
  }

  override at(row: number): void {
    if (this.#numbers !== undefined) {
      this.type = this.#numbers.type;
      this.num = this.#array[row - this.#offset]!;
      return;
    }
    this.type = Type.nil;
    for (let i = 0; i < this.#layers.length; i++) {
      const layer = this.#layers[i]!;
      const at =
        layer.level === 'span' ? row : layer.level === 'resource' ? this.#fragment.resource[row]! : layer.rowOf(row);
      if (at < 0) continue;
      layer.read(at, this);
      if (this.type !== Type.nil) return;
    }
  }
}

class LayerReader {
  readonly level: Level;
  readonly #layer: Layer;
  readonly #fragment: Fragment;
  readonly #accept: ((value: Value) => boolean) | undefined;
  #readers: Reader[] = [];
  #range: TraceRange | undefined;
  #trace = 0;
  /** Last event or link of each span of the range that has a value, or -1. */
  #last = new Int32Array(0);

  constructor(layer: Layer, fragment: Fragment, accept: ((value: Value) => boolean) | undefined) {
    this.#accept = accept;
    this.level = layer.level;
    this.#layer = layer;
    this.#fragment = fragment;
  }

  prepare(range: TraceRange): void {
    this.#range = range;
    this.#readers = this.#layer.parts.map((part) => readerOf(part, range));
    this.#trace = range.firstTrace;
    if (this.level === 'event' || this.level === 'link') this.#last = this.#lastChildren(range);
  }

  read(row: number, out: Cell): void {
    const readers = this.#readers;
    for (let i = 0; i < readers.length; i++) {
      readers[i]!(row, out);
      if (out.type !== Type.nil) return;
    }
  }

  /** Row of the trace, event or link that belongs to a span row; -1 when there is none. */
  rowOf(row: number): number {
    if (this.level !== 'trace') return this.#last[row - this.#range!.firstRow]!;
    const { traceFirstSpan } = this.#fragment;
    // Rows are mostly asked for in ascending order.
    if (row < traceFirstSpan[this.#trace]! || row >= traceFirstSpan[this.#trace + 1]!) {
      this.#trace = traceOfRow(this.#fragment, row);
    }
    return this.#trace;
  }

  #lastChildren(range: TraceRange): Int32Array<ArrayBuffer> {
    const { owner, first, end } = childRows(this.#fragment, this.level === 'event' ? 'event' : 'link', range);
    const last = new Int32Array(range.endRow - range.firstRow).fill(-1);
    const cell = new Cell();
    for (let row = first; row < end; row++) {
      cell.setNil();
      this.read(row, cell);
      if (cell.type !== Type.nil && (this.#accept === undefined || this.#accept(cell)))
        last[owner[row]! - range.firstRow] = row;
    }
    return last;
  }
}
