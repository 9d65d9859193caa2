/** Label sets: sorted by name, without repetition, with a key by which equal ones are found. */

export interface Label {
  readonly name: string;
  readonly value: string;
}

export interface LabelSet {
  /** Equal for equal sets. */
  readonly key: string;
  /** In the order of their names, by code units. */
  readonly labels: readonly Label[];
}

/** Characters; what is longer is cut. */
const nameMax = 1024;
const valueMax = 2048;

export const emptyLabels: LabelSet = { key: '', labels: [] };

/** A later label replaces an earlier one of the same name; an empty value is no label, as in Prometheus. */
export function labelSet(given: readonly Label[]): LabelSet {
  const byName = new Map<string, string>();
  for (const { name, value } of given) byName.set(cut(name, nameMax), cut(value, valueMax));
  const labels: Label[] = [];
  for (const [name, value] of byName) if (value !== '') labels.push({ name, value });
  labels.sort(byNames);
  let key = '';
  for (const { name, value } of labels) key += `${name}\u0000${value}\u0000`;
  return { key, labels };
}

/** Both sets; where both have a name, `own` wins. */
export function mergeLabels(own: LabelSet, added: readonly Label[]): readonly Label[] {
  if (added.length === 0) return own.labels;
  const names = new Set(own.labels.map(({ name }) => name));
  return [...own.labels, ...added.filter(({ name }) => !names.has(name))].sort(byNames);
}

/** Every character that a label's name may not have becomes an underscore; a digit may not come first. */
export function labelName(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

/** The label's name for an attribute, kept apart from labels that exist anyway. */
export function dimensionName(attribute: string, taken: ReadonlySet<string>): string {
  const name = labelName(attribute);
  return taken.has(name) ? `__${name}` : name;
}

function byNames(a: Label, b: Label): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Not in the middle of a character. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const lastUnit = text.charCodeAt(max - 1);
  return text.slice(0, lastUnit >= 0xd800 && lastUnit < 0xdc00 ? max - 1 : max);
}
