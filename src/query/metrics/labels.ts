/** Labels of series: their values, their identity as text, and the order of series in an answer. */
import type { Static } from '../../traceql/ast.ts';
import { formatDuration } from '../../traceql/format-duration.ts';
import type { ResultAttribute, ResultValue } from '../../traceql/result.ts';

/** What a missing attribute is called where a label cannot be left out. */
export const nilLabel: ResultValue = { type: 'string', value: 'nil' };

/** A value as a label has it: durations, status and kind are written out. */
export function labelValue(value: Static): ResultValue {
  switch (value.type) {
    case 'nil':
      return nilLabel;
    case 'duration':
      return { type: 'string', value: formatDuration(value.value) };
    case 'status':
    case 'kind':
      return { type: 'string', value: value.value };
    default:
      return value;
  }
}

/** A label's value as text, for ordering. */
export function labelText(value: ResultValue): string {
  switch (value.type) {
    case 'nil':
      return 'nil';
    case 'any':
      return Array.from(value.anyValue, (byte) => byte.toString(16).padStart(2, '0')).join('');
    default:
      return String(value.value);
  }
}

/** Text that is equal exactly when the labels are: the identity of a series. */
export function seriesKey(labels: readonly ResultAttribute[]): string {
  let key = '';
  for (const label of labels) key += `${label.key}\u0000${label.value.type}\u0000${labelText(label.value)}\u0001`;
  return key;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Fewer labels first, then by key, then by the value's text. */
export function compareLabels(a: readonly ResultAttribute[], b: readonly ResultAttribute[]): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) {
    const byKey = compareText(a[i]!.key, b[i]!.key);
    if (byKey !== 0) return byKey;
    const byValue = compareText(labelText(a[i]!.value), labelText(b[i]!.value));
    if (byValue !== 0) return byValue;
  }
  return 0;
}
