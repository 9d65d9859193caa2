/**
 * Values while a query runs. A {@link Cell} is a register: it holds the value that one node of an expression has for the
 * row at hand, and is written again for the next row, so that evaluating a row allocates nothing.
 *
 * Ints are int64: as `num` while they are safe integers, else exact in `ref` (bigint). Everything numeric can be read as
 * a double through {@link numeric}.
 */
import type { AnyValue } from '../../model/any-value.ts';
import { type BinaryOperator, KindNames, type Static, StatusNames } from '../../traceql/ast.ts';
import type { ResultValue } from '../../traceql/result.ts';

export const Type = {
  nil: 0,
  /** `num` is a safe integer. */
  int: 1,
  /** `ref` is a bigint outside of the safe integers. */
  bigInt: 2,
  float: 3,
  /** `num` in ns. */
  duration: 4,
  /** `num` is 0 or 1. */
  bool: 5,
  /** `ref` is the string. */
  string: 6,
  /** `num` is the OTLP number. */
  status: 7,
  kind: 8,
  /** `ref` is an ArrayValue. */
  array: 9,
  /** A map or bytes: exists, compares with nothing. `ref` is the AnyValue protobuf. */
  opaque: 10,
} as const;
export type Type = (typeof Type)[keyof typeof Type];

export interface Value {
  readonly type: Type;
  readonly num: number;
  readonly ref: unknown;
}

/** Two or more elements; shorter arrays are a scalar or nil. */
export interface ArrayValue {
  readonly elements: readonly Value[];
  /** The same elements as OTLP has them. */
  readonly anyValues: readonly AnyValue[];
  /** AnyValue protobuf. */
  readonly encoded: Uint8Array;
}

export class Cell implements Value {
  type: Type = Type.nil;
  num = 0;
  ref: unknown = undefined;

  setNil(): void {
    this.type = Type.nil;
  }

  setNumber(type: Type, num: number): void {
    this.type = type;
    this.num = num;
  }

  setString(value: string): void {
    this.type = Type.string;
    this.ref = value;
  }

  setBool(value: boolean): void {
    this.type = Type.bool;
    this.num = value ? 1 : 0;
  }

  /** Any int64, exactly. */
  setBigInt(value: bigint): void {
    const num = Number(value);
    if (Number.isSafeInteger(num)) {
      this.type = Type.int;
      this.num = num;
    } else {
      this.type = Type.bigInt;
      this.ref = value;
    }
  }

  copy(other: Value): void {
    this.type = other.type;
    this.num = other.num;
    this.ref = other.ref;
  }
}

export function literalValue(literal: Static): Value {
  const cell = new Cell();
  switch (literal.type) {
    case 'nil':
      break;
    case 'int':
      cell.setBigInt(literal.value);
      break;
    case 'float':
      cell.setNumber(Type.float, literal.value);
      break;
    case 'duration':
      cell.setNumber(Type.duration, literal.value);
      break;
    case 'bool':
      cell.setBool(literal.value);
      break;
    case 'string':
      cell.setString(literal.value);
      break;
    case 'status':
      cell.setNumber(Type.status, StatusNames.indexOf(literal.value));
      break;
    case 'kind':
      cell.setNumber(Type.kind, KindNames.indexOf(literal.value));
      break;
  }
  return cell;
}

export function resultOf(value: Value): ResultValue {
  switch (value.type) {
    case Type.nil:
      return { type: 'nil' };
    case Type.int:
      return { type: 'int', value: BigInt(value.num) };
    case Type.bigInt:
      return { type: 'int', value: value.ref as bigint };
    case Type.float:
      return { type: 'float', value: value.num };
    case Type.duration:
      return { type: 'duration', value: value.num };
    case Type.bool:
      return { type: 'bool', value: value.num !== 0 };
    case Type.string:
      return { type: 'string', value: value.ref as string };
    case Type.status:
      // Numbers that OTLP does not define read as unset and unspecified.
      return { type: 'status', value: StatusNames[value.num] ?? 'unset' };
    case Type.kind:
      return { type: 'kind', value: KindNames[value.num] ?? 'unspecified' };
    case Type.array:
      return { type: 'any', anyValue: (value.ref as ArrayValue).encoded };
    case Type.opaque:
      return { type: 'any', anyValue: value.ref as Uint8Array };
  }
}

/** Text that is the same exactly for equal values of the same type: a key to group by. */
export function keyOf(value: Value): string {
  switch (value.type) {
    case Type.nil:
      return '';
    case Type.string:
      return `s${value.ref as string}`;
    case Type.int:
      return `i${value.num}`;
    case Type.bigInt:
      return `i${value.ref as bigint}`;
    case Type.array:
      return `a${binaryText((value.ref as ArrayValue).encoded)}`;
    case Type.opaque:
      return `a${binaryText(value.ref as Uint8Array)}`;
    default:
      return `${value.type}:${Object.is(value.num, -0) ? 0 : value.num}`;
  }
}

function binaryText(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

export const isInt = (type: Type): boolean => type === Type.int || type === Type.bigInt;
export const isNumeric = (type: Type): boolean => type >= Type.int && type <= Type.duration;

/** The value as a double; NaN when it is not a number. */
export function numeric(value: Value): number {
  if (value.type === Type.bigInt) return Number(value.ref as bigint);
  return isNumeric(value.type) ? value.num : Number.NaN;
}

/** Exact integer of an `int` or `bigInt` value. */
export function exactInt(value: Value): bigint {
  return value.type === Type.bigInt ? (value.ref as bigint) : BigInt(value.num);
}

/**
 * Order of two strings by their UTF-8 bytes. UTF-16 units order the same way but for surrogates, which stand for code
 * points above all others and yet are smaller than U+E000 to U+FFFF.
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      if (x >= 0xd800 && y >= 0xd800) return rank(x) - rank(y);
      return x - y;
    }
  }
  return a.length - b.length;
}
const rank = (unit: number): number => (unit <= 0xdfff ? unit + 0x10000 : unit);

/** Comparison of what `compare` functions return, or of doubles (false for NaN but `!=`). */
export function holds(op: BinaryOperator, a: number, b: number): boolean {
  switch (op) {
    case '=':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      return false;
  }
}

/**
 * `a op b` for the six comparisons. Nil and values of different kinds compare false, whatever the operator; numbers
 * compare with each other whatever their type. An array compares true when one of its elements does.
 */
export function compareValues(op: BinaryOperator, a: Value, b: Value): boolean {
  if (a.type === Type.array) {
    for (const element of (a.ref as ArrayValue).elements) if (compareValues(op, element, b)) return true;
    return false;
  }
  if (b.type === Type.array) {
    for (const element of (b.ref as ArrayValue).elements) if (compareValues(op, a, element)) return true;
    return false;
  }
  if (isNumeric(a.type) && isNumeric(b.type)) {
    if (isInt(a.type) && isInt(b.type) && (a.type === Type.bigInt || b.type === Type.bigInt)) {
      const x = exactInt(a);
      const y = exactInt(b);
      return holds(op, x < y ? -1 : x > y ? 1 : 0, 0);
    }
    return holds(op, numeric(a), numeric(b));
  }
  if (a.type !== b.type) return false;
  switch (a.type) {
    case Type.string:
      if (op === '=') return a.ref === b.ref;
      if (op === '!=') return a.ref !== b.ref;
      return holds(op, compareStrings(a.ref as string, b.ref as string), 0);
    case Type.bool:
    case Type.status:
    case Type.kind:
      return (op === '=' || op === '!=') && holds(op, a.num, b.num);
    default:
      return false;
  }
}

/**
 * Arithmetic into `out`. Two ints give an int (division truncates), anything else a float; nil when an operand is no
 * number or an int is divided by zero. Overflow of int64 wraps, but for powers, which become floats.
 */
export function calculate(op: BinaryOperator, a: Value, b: Value, out: Cell): void {
  if (!isNumeric(a.type) || !isNumeric(b.type)) {
    out.setNil();
    return;
  }
  if (isInt(a.type) && isInt(b.type)) {
    if (a.type === Type.int && b.type === Type.int && calculateSafe(op, a.num, b.num, out)) return;
    calculateExact(op, exactInt(a), exactInt(b), out);
    return;
  }
  out.setNumber(Type.float, floatResult(op, numeric(a), numeric(b)));
}

function floatResult(op: BinaryOperator, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    default:
      return a ** b;
  }
}

/** False when the result may not be exact in a double. */
function calculateSafe(op: BinaryOperator, a: number, b: number, out: Cell): boolean {
  let result: number;
  if (op === '/' || op === '%') {
    if (b === 0) {
      out.setNil();
      return true;
    }
    result = op === '/' ? Math.trunc(a / b) : a % b;
  } else if (op === '^' && b < 0) {
    out.setNumber(Type.float, a ** b);
    return true;
  } else {
    result = floatResult(op, a, b);
  }
  if (!Number.isSafeInteger(result)) return false;
  out.setNumber(Type.int, result === 0 ? 0 : result);
  return true;
}

function calculateExact(op: BinaryOperator, a: bigint, b: bigint, out: Cell): void {
  switch (op) {
    case '+':
      out.setBigInt(BigInt.asIntN(64, a + b));
      return;
    case '-':
      out.setBigInt(BigInt.asIntN(64, a - b));
      return;
    case '*':
      out.setBigInt(BigInt.asIntN(64, a * b));
      return;
    case '/':
    case '%':
      if (b === 0n) out.setNil();
      else out.setBigInt(BigInt.asIntN(64, op === '/' ? a / b : a % b));
      return;
    default: {
      const approximate = Number(a) ** Number(b);
      if (b >= 0n && Math.abs(approximate) < 2 ** 62) out.setBigInt(a ** b);
      else out.setNumber(Type.float, approximate);
    }
  }
}

/** `-a` into `out`; nil when it is no number. */
export function negate(a: Value, out: Cell): void {
  if (isInt(a.type)) out.setBigInt(BigInt.asIntN(64, -exactInt(a)));
  else if (isNumeric(a.type)) out.setNumber(a.type, -a.num);
  else out.setNil();
}
