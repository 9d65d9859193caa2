/**
 * Prometheus's relabel_configs: rules that rewrite, choose and drop the label sets of discovered targets, so that spans
 * carry the labels that metrics and logs of the same target carry.
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
 *
 * A label with an empty value is a label that is not there. Expressions are RE2 and match the whole value; `.` matches
 * line ends too, as in Prometheus 3.
 */
import { createHash } from 'node:crypto';
import { RE2JS } from 're2js';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { expandTemplate } from './relabel-template.ts';

export type Labels = ReadonlyMap<string, string>;

export const relabelActions = [
  'replace',
  'keep',
  'drop',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
] as const;
export type RelabelAction = (typeof relabelActions)[number];

/** A rule as it stands in the file; what is not given has Prometheus's default. */
export interface RelabelConfig {
  readonly source_labels?: readonly string[] | undefined;
  /** Default `;`. */
  readonly separator?: string | undefined;
  /** Default `(.*)`. */
  readonly regex?: string | undefined;
  readonly modulus?: number | undefined;
  readonly target_label?: string | undefined;
  /** Default `$1`. */
  readonly replacement?: string | undefined;
  /** Default replace. */
  readonly action?: RelabelAction | undefined;
}

/** Changes `labels`; false: the target is dropped. */
export type RelabelRule = (labels: Map<string, string>) => boolean;

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A label's name in which groups of the match may stand. */
const labelTemplate = /^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$/;

/** @throws RubatoError config: a rule that Prometheus refuses, with its reasons */
export function compileRelabelRule(config: RelabelConfig): RelabelRule {
  const action = config.action ?? 'replace';
  checkKeys(config, action);
  const regex = compileRegex(config.regex ?? '(.*)');
  const target = config.target_label ?? '';
  const replacement = config.replacement ?? '$1';
  const sourceLabels = config.source_labels ?? [];
  const separator = config.separator ?? ';';
  const source = (labels: Labels): string => sourceLabels.map((name) => labels.get(name) ?? '').join(separator);
  switch (action) {
    case 'keep':
      return (labels) => regex.matches(source(labels));
    case 'drop':
      return (labels) => !regex.matches(source(labels));
    case 'keepequal':
      return (labels) => source(labels) === (labels.get(target) ?? '');
    case 'dropequal':
      return (labels) => source(labels) !== (labels.get(target) ?? '');
    case 'replace':
      return (labels) => replace(labels, regex, source(labels), target, replacement);
    case 'lowercase':
      return (labels) => setLabel(labels, target, source(labels).toLowerCase());
    case 'uppercase':
      return (labels) => setLabel(labels, target, source(labels).toUpperCase());
    case 'hashmod':
      return (labels) => setLabel(labels, target, String(hashOf(source(labels)) % BigInt(config.modulus!)));
    case 'labelmap':
      return (labels) => mapNames(labels, regex, replacement);
    case 'labeldrop':
      return (labels) => removeNames(labels, (name) => regex.matches(name));
    case 'labelkeep':
      return (labels) => removeNames(labels, (name) => !regex.matches(name));
  }
}

export function compileRelabelRules(configs: readonly RelabelConfig[]): readonly RelabelRule[] {
  return configs.map(compileRelabelRule);
}

/** The labels after all rules, `__` labels included; undefined when a rule drops the target. */
export function relabel(labels: Labels, rules: readonly RelabelRule[]): Map<string, string> | undefined {
  const changed = new Map<string, string>();
  for (const [name, value] of labels) if (value !== '') changed.set(name, value);
  for (const rule of rules) if (!rule(changed)) return undefined;
  return changed;
}

/** What is left for the world: names with two leading underscores are for the rules alone. Sorted by name. */
export function publicLabels(labels: Labels): Map<string, string> {
  return new Map([...labels].filter(([name]) => !name.startsWith('__')).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function replace(
  labels: Map<string, string>,
  regex: RE2JS,
  value: string,
  target: string,
  replacement: string,
): boolean {
  const match = regex.matcher(value);
  if (!match.matches()) return true;
  const name = expandTemplate(target, match);
  return labelName.test(name) ? setLabel(labels, name, expandTemplate(replacement, match)) : true;
}

function setLabel(labels: Map<string, string>, name: string, value: string): true {
  if (value === '') labels.delete(name);
  else labels.set(name, value);
  return true;
}

/** Reads the labels as they were before it, so that one label's new name is not mapped again. */
function mapNames(labels: Map<string, string>, regex: RE2JS, replacement: string): true {
  for (const [name, value] of [...labels]) {
    const match = regex.matcher(name);
    if (match.matches()) setLabel(labels, expandTemplate(replacement, match), value);
  }
  return true;
}

function removeNames(labels: Map<string, string>, removes: (name: string) => boolean): true {
  for (const name of [...labels.keys()]) if (removes(name)) labels.delete(name);
  return true;
}

/** The last eight bytes of MD5, big endian: Prometheus's choice, which shards must agree with. */
function hashOf(value: string): bigint {
  return createHash('md5').update(value).digest().readBigUInt64BE(8);
}

function compileRegex(text: string): RE2JS {
  try {
    return RE2JS.compile(`(?s:${text})`);
  } catch (error) {
    throw refuse(`regex ${JSON.stringify(text)}: ${(error as Error).message}`, error);
  }
}

const needsTarget: ReadonlySet<RelabelAction> = new Set([
  'replace',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
]);
const refusesReplacement: ReadonlySet<RelabelAction> = new Set(['lowercase', 'uppercase', 'keepequal', 'dropequal']);

function checkKeys(config: RelabelConfig, action: RelabelAction): void {
  const { modulus, replacement, target_label: target = '' } = config;
  if (action === 'hashmod' && !(modulus !== undefined && modulus >= 1)) throw refuse('hashmod needs a modulus');
  if (needsTarget.has(action) && target === '') throw refuse(`${action} needs a target_label`);
  if (refusesReplacement.has(action) && replacement !== undefined && replacement !== '$1')
    throw refuse(`${action} takes no replacement`);
  const pattern = action === 'replace' ? labelTemplate : labelName;
  if (needsTarget.has(action) && !pattern.test(target))
    throw refuse(`target_label ${JSON.stringify(target)} is no label name`);
  if (action === 'labelmap' && !labelTemplate.test(replacement ?? '$1'))
    throw refuse(`replacement ${JSON.stringify(replacement)} is no label name`);
  if (action === 'labeldrop' || action === 'labelkeep') refuseAllBut(config, action, ['action', 'regex']);
  if (action === 'keepequal' || action === 'dropequal')
    refuseAllBut(config, action, ['action', 'source_labels', 'target_label', 'replacement']);
}

function refuseAllBut(config: RelabelConfig, action: RelabelAction, keys: readonly string[]): void {
  for (const [key, value] of Object.entries(config))
    if (value !== undefined && !keys.includes(key)) throw refuse(`${action} takes no ${key}`);
}

function refuse(message: string, cause?: unknown): RubatoError {
  return new RubatoError(ErrorKind.config, 'bad_relabel_config', message, cause);
}
