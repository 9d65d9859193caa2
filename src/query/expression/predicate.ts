/**
 * A condition on one value, `value op literal`, and its answers for the values of a dictionary. Answers are found when a
 * row first asks for them and are kept with the dictionary, so that each distinct value is tested once, however many
 * rows, chunks and queries ask for it.
 */
import type { BinaryOperator } from '../../traceql/ast.ts';
import type { Column, Dictionary } from '../../traceql/storage.ts';
import { anyValue } from './any-value.ts';
import { compilePattern, type StringTest } from './pattern.ts';
import {
  type ArrayValue,
  Cell,
  compareStrings,
  compareValues,
  exactInt,
  holds,
  isNumeric,
  keyOf,
  numeric,
  Type,
  type Value,
} from './value.ts';

/** `present` is `x != nil`. */
export type PredicateOperator = BinaryOperator | 'present';

export interface Predicate {
  readonly op: PredicateOperator;
  readonly literal: Value;
  /** The same for predicates that give the same answers. */
  readonly key: string;
  /** For the regex operators. */
  readonly pattern: StringTest | undefined;
}

export const present: Predicate = { op: 'present', literal: new Cell(), key: 'present', pattern: undefined };

/** @throws RubatoError `invalid` for a bad regular expression. */
export function predicate(op: BinaryOperator, literal: Value): Predicate {
  const isRegex = (op === '=~' || op === '!~') && literal.type === Type.string;
  return {
    op,
    literal,
    key: `${op} ${keyOf(literal)}`,
    pattern: isRegex ? compilePattern(literal.ref as string) : undefined,
  };
}

/**
 * The answer for one attribute value. Nil never meets a condition. An array does when one of its elements does; for `!~`
 * only when none matches.
 */
export function meets(predicate: Predicate, value: Value): boolean {
  const { op, literal, pattern } = predicate;
  if (op === 'present') return value.type !== Type.nil;
  if (op !== '=~' && op !== '!~') return compareValues(op, value, literal);
  if (pattern === undefined) return false;
  if (value.type === Type.string) return pattern(value.ref as string) === (op === '=~');
  if (value.type !== Type.array) return false;
  const strings = (value.ref as ArrayValue).elements.filter((element) => element.type === Type.string);
  if (op === '=~') return strings.some((element) => pattern(element.ref as string));
  return strings.length > 0 && !strings.some((element) => pattern(element.ref as string));
}

const never = (): boolean => false;

export const Answer = { no: 0, yes: 1, unknown: 2 } as const;

/** Testing so many values costs less than asking for each row whether its value was tested. */
const completedMax = 1024;

/** Answers by code (0 is a row without a value, 1 + i the dictionary's value i) or by row of a small table. */
export class AnswerTable {
  readonly answers: Uint8Array;
  readonly #test: (code: number) => boolean;
  #isComplete = false;
  #isNever: boolean | undefined;

  constructor(size: number, test: (code: number) => boolean) {
    this.answers = new Uint8Array(size).fill(Answer.unknown);
    this.#test = test;
  }

  /** A table of which all is known: yes for some codes, or for all others. */
  static of(size: number, some: readonly number[], answer: number): AnswerTable {
    const table = new AnswerTable(size, never);
    table.answers.fill(answer === Answer.yes ? Answer.no : Answer.yes);
    for (const code of some) table.answers[code] = answer;
    table.#isComplete = true;
    return table;
  }

  /** True when every answer is known. Small tables are completed now, so that loops need not ask row by row. */
  get isComplete(): boolean {
    if (!this.#isComplete && this.answers.length <= completedMax) {
      for (let code = 0; code < this.answers.length; code++) this.get(code);
      this.#isComplete = true;
    }
    return this.#isComplete;
  }

  /** True when it is known that no value meets the condition. */
  get isNever(): boolean {
    if (!this.isComplete) return false;
    this.#isNever ??= !this.answers.includes(Answer.yes);
    return this.#isNever;
  }

  /** Finds the answer for a code whose answer is unknown. */
  find(code: number): number {
    const answer = this.#test(code) ? Answer.yes : Answer.no;
    this.answers[code] = answer;
    return answer;
  }

  get(code: number): number {
    const answer = this.answers[code]!;
    return answer === Answer.unknown ? this.find(code) : answer;
  }
}

/** Predicates remembered per dictionary; a byte per value each. */
const tablesMax = 64;
const tablesOf = new WeakMap<Dictionary, Map<string, AnswerTable>>();

/** `emptyWhenMissing`: a row without a value has the empty string. The column must be loaded. */
export function answerTable(predicate: Predicate, column: Column, emptyWhenMissing: boolean): AnswerTable {
  const { dictionary } = column;
  let tables = tablesOf.get(dictionary);
  if (tables === undefined) tablesOf.set(dictionary, (tables = new Map()));
  const key = `${emptyWhenMissing ? 'e' : 'n'}${predicate.key}`;
  let table = tables.get(key);
  if (table === undefined) {
    table = equalityTable(predicate, dictionary) ?? testedTable(predicate, dictionary);
    table.answers[0] = emptyWhenMissing && meets(predicate, emptyString) ? Answer.yes : Answer.no;
    if (tables.size >= tablesMax) tables.delete(tables.keys().next().value!);
    tables.set(key, table);
  }
  return table;
}

function testedTable(predicate: Predicate, dictionary: Dictionary): AnswerTable {
  const test = dictionaryTest(predicate, dictionary);
  return new AnswerTable(dictionary.size + 1, (code) => test(code - 1));
}

/** Which strings are equal to one is known at once, without decoding any. */
function equalityTable({ op, literal }: Predicate, dictionary: Dictionary): AnswerTable | undefined {
  if (dictionary.type !== 'string' || literal.type !== Type.string || (op !== '=' && op !== '!=')) return undefined;
  const codes = dictionary.indicesOf(literal.ref as string).map((index) => index + 1);
  return AnswerTable.of(dictionary.size + 1, codes, op === '=' ? Answer.yes : Answer.no);
}

const emptyString: Value = { type: Type.string, num: 0, ref: '' };

/** The condition as a test of a dictionary's value by index. */
function dictionaryTest(predicate: Predicate, dictionary: Dictionary): (index: number) => boolean {
  const { op, literal } = predicate;
  if (dictionary.type === 'any') return (index) => meets(predicate, anyValueAt(dictionary, index));
  if (op === 'present') return () => true;
  switch (dictionary.type) {
    case 'string':
      return literal.type === Type.string ? stringTest(predicate, dictionary) : never;
    case 'bool': {
      if (literal.type !== Type.bool) return never;
      const bools = dictionary.bools();
      return op === '=' || op === '!=' ? (index) => holds(op, bools[index]!, literal.num) : never;
    }
    case 'int':
    case 'double': {
      if (!isNumeric(literal.type)) return never;
      if (dictionary.type === 'int' && literal.type === Type.bigInt) {
        const ints = dictionary.ints();
        const exact = exactInt(literal);
        return (index) => holds(op, ints[index]! < exact ? -1 : ints[index]! > exact ? 1 : 0, 0);
      }
      // Ints rounded to doubles order the same against literals that are exact doubles.
      const numbers = dictionary.numbers();
      const number = numeric(literal);
      return (index) => holds(op, numbers[index]!, number);
    }
  }
}

function stringTest(predicate: Predicate, dictionary: Dictionary): (index: number) => boolean {
  const { op, pattern } = predicate;
  const text = predicate.literal.ref as string;
  const strings = dictionary.strings();
  switch (op) {
    case '=~':
      return (index) => pattern!(strings[index]!);
    case '!~':
      return (index) => !pattern!(strings[index]!);
    default:
      return (index) => holds(op as BinaryOperator, compareStrings(strings[index]!, text), 0);
  }
}

const anyValues = new WeakMap<Dictionary, Value[]>();

/** A value of an `any` dictionary, decoded once. */
export function anyValueAt(dictionary: Dictionary, index: number): Value {
  let values = anyValues.get(dictionary);
  if (values === undefined) anyValues.set(dictionary, (values = []));
  return (values[index] ??= anyValue(dictionary.bytes(index)));
}

/** Reads a dictionary's value by index into a cell. */
export function dictionaryReader(dictionary: Dictionary): (index: number, out: Cell) => void {
  switch (dictionary.type) {
    case 'string': {
      const strings = dictionary.strings();
      return (index, out) => out.setString(strings[index]!);
    }
    case 'bool': {
      const bools = dictionary.bools();
      return (index, out) => out.setBool(bools[index] !== 0);
    }
    case 'double': {
      const numbers = dictionary.numbers();
      return (index, out) => out.setNumber(Type.float, numbers[index]!);
    }
    case 'int': {
      const numbers = dictionary.numbers();
      return (index, out) => {
        const rounded = numbers[index]!;
        if (Number.isSafeInteger(rounded)) out.setNumber(Type.int, rounded);
        else out.setBigInt(dictionary.ints()[index]!);
      };
    }
    case 'any':
      return (index, out) => out.copy(anyValueAt(dictionary, index));
  }
}
