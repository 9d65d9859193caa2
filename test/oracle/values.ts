/** Values of the oracle: what an expression is for one span. Slow and obvious; shares no code with the engine. */

import type { AnyValue } from '../../src/model/any-value.ts';
import type { BinaryOperator, Static } from '../../src/traceql/ast.ts';

export type OracleValue =
  | Static
  | { readonly type: 'array'; readonly elements: readonly OracleValue[] }
  /** A map, bytes or an array in an array: exists, and that is all. */
  | { readonly type: 'other'; readonly text: string };

export const nil: OracleValue = { type: 'nil' };
export const int = (value: number | bigint): OracleValue => ({ type: 'int', value: BigInt(value) });
export const text = (value: string): OracleValue => ({ type: 'string', value });
export const bool = (value: boolean): OracleValue => ({ type: 'bool', value });

export function fromAny(any: AnyValue): OracleValue {
  switch (any.type) {
    case 'empty':
      return nil;
    case 'string':
    case 'bool':
    case 'int':
      return { type: any.type, value: any.value } as OracleValue;
    case 'double':
      return { type: 'float', value: any.value };
    case 'array': {
      const elements = any.value.map(fromAny);
      if (elements.length === 0) return nil;
      return elements.length === 1 ? elements[0]! : { type: 'array', elements };
    }
    case 'bytes':
    case 'kvlist':
      return {
        type: 'other',
        text: JSON.stringify(any, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      };
  }
}

/** The same text for equal values of one type. */
export function textOf(value: OracleValue): string {
  if (value.type === 'nil') return 'nil';
  if (value.type === 'other') return value.text;
  if (value.type === 'array') return `[${value.elements.map(textOf).join(',')}]`;
  return `${value.type}:${Object.is(value.value, -0) ? 0 : value.value}`;
}

/** The number of an int, float or duration. */
export function numberOf(value: OracleValue): number | bigint | undefined {
  return value.type === 'int' || value.type === 'float' || value.type === 'duration' ? value.value : undefined;
}

function ordered(op: BinaryOperator, a: number | bigint | string, b: number | bigint | string): boolean {
  switch (op) {
    case '=':
      // biome-ignore lint/suspicious/noDoubleEquals: an int and a float that are the same number are equal
      return a == b;
    case '!=':
      // biome-ignore lint/suspicious/noDoubleEquals: as above
      return a != b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    default:
      return a >= b;
  }
}

export function compare(op: BinaryOperator, a: OracleValue, b: OracleValue): boolean {
  if (a.type === 'array') return a.elements.some((element) => compare(op, element, b));
  if (b.type === 'array') return b.elements.some((element) => compare(op, a, element));
  const x = numberOf(a);
  const y = numberOf(b);
  if (x !== undefined && y !== undefined) return ordered(op, x, y);
  if (a.type === 'string' && b.type === 'string') {
    if (op === '=' || op === '!=') return ordered(op, a.value, b.value);
    return ordered(op, Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)), 0);
  }
  if (op !== '=' && op !== '!=') return false;
  if (a.type === 'bool' && b.type === 'bool') return (a.value === b.value) === (op === '=');
  if (a.type === 'status' && b.type === 'status') return (a.value === b.value) === (op === '=');
  if (a.type === 'kind' && b.type === 'kind') return (a.value === b.value) === (op === '=');
  return false;
}

/** Enough of RE2 for the patterns of the tests. */
export function matches(op: '=~' | '!~', value: OracleValue, pattern: string): boolean {
  const regex = new RegExp(`^(?:${pattern})$`, 's');
  const strings = (value.type === 'array' ? value.elements : [value]).filter((element) => element.type === 'string');
  const found = strings.some((element) => element.type === 'string' && regex.test(element.value));
  return op === '=~' ? found : strings.length > 0 && !found;
}

export function arithmetic(op: BinaryOperator, a: OracleValue, b: OracleValue): OracleValue {
  const x = numberOf(a);
  const y = numberOf(b);
  if (x === undefined || y === undefined) return nil;
  if (typeof x !== 'bigint' || typeof y !== 'bigint') return { type: 'float', value: float(op, Number(x), Number(y)) };
  switch (op) {
    case '+':
      return int(BigInt.asIntN(64, x + y));
    case '-':
      return int(BigInt.asIntN(64, x - y));
    case '*':
      return int(BigInt.asIntN(64, x * y));
    case '/':
      return y === 0n ? nil : int(BigInt.asIntN(64, x / y));
    case '%':
      return y === 0n ? nil : int(x % y);
    default: {
      const power = Number(x) ** Number(y);
      return y >= 0n && Math.abs(power) < 2 ** 62 ? int(x ** y) : { type: 'float', value: power };
    }
  }
}

function float(op: BinaryOperator, a: number, b: number): number {
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

export function aggregate(name: 'min' | 'max' | 'sum' | 'avg', values: readonly OracleValue[]): OracleValue {
  const numbers = values.filter((value) => numberOf(value) !== undefined);
  if (numbers.length === 0) return nil;
  const all = (type: OracleValue['type']): boolean => numbers.every((value) => value.type === type);
  const type = all('int') ? 'int' : all('duration') ? 'duration' : 'float';
  const typed = (value: number | bigint): OracleValue =>
    type === 'int' ? int(BigInt(value)) : { type, value: Number(value) };
  if (name === 'min' || name === 'max') {
    let best = numberOf(numbers[0]!)!;
    for (const value of numbers) {
      const number = numberOf(value)!;
      if (name === 'min' ? number < best : number > best) best = number;
    }
    return typed(best);
  }
  let sum = numbers[0]!;
  for (const value of numbers.slice(1)) sum = arithmetic('+', sum, value);
  if (name === 'sum') return typed(numberOf(sum)!);
  const average = Number(numberOf(sum)) / numbers.length;
  return type === 'duration' ? { type, value: Math.trunc(average) } : { type: 'float', value: average };
}
