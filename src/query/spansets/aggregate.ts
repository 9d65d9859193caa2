/**
 * Aggregates of span sets. Spans without a numeric value do not count; a set without any has the aggregate nil. min, max
 * and sum keep the type of what they saw (a mix is a float), the average of durations is a duration, any other a float.
 */
import type { AggregateName } from '../../traceql/ast.ts';
import type { Fragment } from '../../traceql/storage.ts';
import type { Expression } from '../expression/expression.ts';
import {
  Cell,
  calculate,
  compareValues,
  exactInt,
  isInt,
  isNumeric,
  numeric,
  Type,
  type Value,
} from '../expression/value.ts';
import type { Spansets } from './spansets.ts';

/** The value of each set; nil for empty ones. */
export function aggregateSets(
  name: AggregateName,
  expression: Expression | undefined,
  sets: Spansets,
  fragment: Fragment,
): readonly Value[] {
  if (name === 'count' || expression === undefined) return counts(sets, fragment);
  const { mask, range } = sets;
  const numbers = sets.numbers(fragment);
  const accumulators: (Accumulator | undefined)[] = new Array(sets.setCount);
  expression.prepare(range);
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    expression.at(range.firstRow + i);
    if (!isNumeric(expression.type)) continue;
    (accumulators[numbers[i]!] ??= new Accumulator()).add(name, expression);
  }
  const values: Value[] = [];
  for (let set = 0; set < sets.setCount; set++) values.push(accumulators[set]?.result(name) ?? nil);
  return values;
}

const nil: Value = new Cell();

function counts(sets: Spansets, fragment: Fragment): Value[] {
  const values: Value[] = [];
  for (const size of sets.sizes(fragment)) values.push({ type: Type.int, num: size, ref: undefined });
  return values;
}

class Accumulator {
  readonly #value = new Cell();
  readonly #sum = new Cell();
  #count = 0;

  add(name: AggregateName, value: Value): void {
    const kept = this.#value;
    this.#count++;
    if (this.#count === 1) {
      kept.copy(value);
      return;
    }
    if (name === 'min' || name === 'max') {
      const type = commonType(kept, value);
      if (compareValues(name === 'min' ? '<' : '>', value, kept)) kept.copy(value);
      if (type === Type.float || type === Type.duration) kept.setNumber(type, numeric(kept));
      return;
    }
    const type = commonType(kept, value);
    if (type === Type.duration) kept.num += value.num;
    else {
      calculate('+', kept, value, this.#sum);
      kept.copy(this.#sum);
    }
  }

  result(name: AggregateName): Value {
    const { type } = this.#value;
    if (name !== 'avg') return this.#value;
    const average = isInt(type) ? Number(exactInt(this.#value)) / this.#count : this.#value.num / this.#count;
    return type === Type.duration
      ? { type, num: Math.trunc(average), ref: undefined }
      : { type: Type.float, num: average, ref: undefined };
  }
}

/** Type that holds both: int, duration, or float for a mix. */
function commonType(a: Value, b: Value): Type {
  if (isInt(a.type) && isInt(b.type)) return Type.int;
  return a.type === b.type ? a.type : Type.float;
}
