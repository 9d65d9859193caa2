/**
 * The filter of the trace page: a text, or conditions as TraceQL writes them, joined by `&&`, with or without braces:
 *
 *   charge                               spans that contain the text, names and attribute values alike
 *   { status = error && duration > 20ms }
 *   http.status_code >= 500 && service != "payments" && name =~ "GET .*"
 *
 * An attribute without scope is looked for on the span first, then on its resource.
 */
import type { AttributeJsonValue } from '../../../../src/api/contract/index.ts';
import { parseGoDuration } from '../../../../src/traceql/duration.ts';
import type { Trace } from './trace.ts';
import { intrinsicValues, isIntrinsic, type Values } from './values.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | '=~' | '!~';

export interface Condition {
  /** `service`, `name`, `kind`, `status`, `duration`, or an attribute with its scope, if any. */
  readonly name: string;
  readonly operator: Operator;
  readonly operand: string;
}

export type Filter =
  | { readonly text: string }
  | { readonly conditions: readonly Condition[] }
  | { readonly problem: string };

const conditionForm = /^(.+?)\s*(=~|!~|!=|>=|<=|=|>|<)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[^\s"`]+)$/;

/** Undefined for no filter at all. */
export function parseFilter(given: string): Filter | undefined {
  const trimmed = given.trim();
  if (trimmed === '') return undefined;
  const inBraces = /^\{(.*)\}$/s.exec(trimmed);
  const parts = splitConditions(inBraces === null ? trimmed : inBraces[1]!);
  const conditions: Condition[] = [];
  for (const part of parts) {
    const match = conditionForm.exec(part.trim());
    if (match === null || /["`]/.test(match[1]!)) {
      return inBraces === null ? { text: trimmed } : { problem: `not a condition: ${part.trim()}` };
    }
    const condition = {
      name: canonicalName(match[1]!.trim()),
      operator: match[2] as Operator,
      operand: unquoted(match[3]!),
    };
    const problem = problemOf(condition);
    if (problem !== undefined) return { problem };
    conditions.push(condition);
  }
  return { conditions };
}

function problemOf({ name, operator, operand }: Condition): string | undefined {
  if (name === 'duration') {
    if (operator === '=~' || operator === '!~') return 'a duration has no text to match';
    return durationNano(operand) === undefined ? `not a duration: ${operand}` : undefined;
  }
  if (operator !== '=~' && operator !== '!~') return undefined;
  try {
    new RegExp(operand);
    return undefined;
  } catch {
    return `not a regular expression: ${operand}`;
  }
}

/** At `&&` outside of quotes. */
function splitConditions(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quote !== '') {
      if (char === '\\' && quote === '"') i++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === '`') quote = char;
    else if (char === '&' && text[i + 1] === '&') {
      parts.push(text.slice(from, i));
      from = i + 2;
      i++;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

function canonicalName(name: string): string {
  if (name === 'resource.service.name' || name === '.service.name' || name === 'service.name') return 'service';
  const intrinsic = /^span:(name|kind|status|duration)$/.exec(name);
  if (intrinsic !== null) return intrinsic[1]!;
  return name.startsWith('.') ? name.slice(1) : name;
}

function unquoted(text: string): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char === 't' ? '\t' : char));
}

function durationNano(text: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text);
  try {
    return Number(parseGoDuration(text));
  } catch {
    return undefined;
  }
}

/** Where values of attributes come from; several columns when a name has no scope. */
export interface FilterSource {
  attribute(name: string): Promise<readonly Values[]>;
  /** Rows that contain a text in anything but what the trace itself knows. */
  find(text: string): Promise<Uint32Array>;
}

/** By row, 1 for a match. */
export async function runFilter(trace: Trace, filter: Filter, source: FilterSource): Promise<Uint8Array> {
  if ('problem' in filter) throw new Error(filter.problem);
  if ('text' in filter) {
    const matches = new Uint8Array(trace.spans);
    for (const row of await source.find(filter.text)) matches[row] = 1;
    return matches;
  }
  const matches = new Uint8Array(trace.spans).fill(1);
  for (const condition of filter.conditions) {
    if (condition.name === 'duration') keepDurations(trace, condition, matches);
    else if (isIntrinsic(condition.name)) keepValues([intrinsicValues(trace, condition.name)], condition, matches);
    else keepValues(await source.attribute(condition.name), condition, matches);
  }
  return matches;
}

function keepDurations({ duration }: Trace, { operator, operand }: Condition, matches: Uint8Array): void {
  const nano = durationNano(operand)!;
  for (let row = 0; row < matches.length; row++) if (!compares(duration[row]! - nano, operator)) matches[row] = 0;
}

/** Every condition wants a value: `!=` does not match a span without the attribute, as in TraceQL. */
function keepValues(columns: readonly Values[], condition: Condition, matches: Uint8Array): void {
  const accepted = columns.map(({ values }) => {
    const flags = new Uint8Array(values.length + 1);
    values.forEach((value, i) => {
      if (accepts(value, condition)) flags[i + 1] = 1;
    });
    return flags;
  });
  for (let row = 0; row < matches.length; row++) {
    if (matches[row] === 0) continue;
    let ok = 0;
    for (let i = 0; i < columns.length && ok === 0; i++) ok = accepted[i]![columns[i]!.codes[row]!]!;
    matches[row] = ok;
  }
}

function accepts(value: AttributeJsonValue, { operator, operand }: Condition): boolean {
  if (operator === '=~' || operator === '!~') {
    return new RegExp(`^(?:${operand})$`).test(String(value)) === (operator === '=~');
  }
  const text = String(value);
  const number = Number(operand);
  if (typeof value === 'number' && !Number.isNaN(number)) return compares(value - number, operator);
  return compares(text < operand ? -1 : text > operand ? 1 : 0, operator);
}

function compares(difference: number, operator: Operator): boolean {
  switch (operator) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '>':
      return difference > 0;
    case '>=':
      return difference >= 0;
    case '<':
      return difference < 0;
    case '<=':
      return difference <= 0;
    default:
      return false;
  }
}
