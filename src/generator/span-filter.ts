/**
 * Which spans count: a list of policies, all of which must let a span pass. A condition is tried once for every distinct
 * value of a table; for a span it is then a look into an array.
 */
import { RE2JS } from 're2js';
import { kindText, statusText } from './intrinsic-text.ts';
import type { FilterPolicy, PolicyAttribute, PolicyMatch } from './settings.ts';
import type { SlotPlan, TableView } from './table-view.ts';

type Source = 'kind' | 'status' | 'name' | 'attribute';

interface Condition {
  /** Among all conditions of the filter. */
  readonly number: number;
  readonly source: Source;
  readonly slot: number;
  readonly test: (text: string | undefined) => boolean;
}

interface Policy {
  readonly all: readonly Condition[];
  readonly any: readonly Condition[] | undefined;
  readonly none: readonly Condition[] | undefined;
}

const Verdict = { unknown: 0, no: 1, yes: 2 } as const;

export class SpanFilter {
  readonly #policies: readonly Policy[];
  #conditions = 0;

  /** @throws a mistake in a regular expression, or a key that is none */
  constructor(policies: readonly FilterPolicy[], plan: SlotPlan) {
    const compile = (match: PolicyMatch | undefined): Condition[] | undefined =>
      match?.attributes.map((attribute) => this.#condition(attribute, match.match_type, plan));
    this.#policies = policies.map(({ include, include_any, exclude }) => ({
      all: compile(include) ?? [],
      any: compile(include_any),
      none: compile(exclude),
    }));
  }

  get passesAll(): boolean {
    return this.#policies.length === 0;
  }

  /** Of the span that the view has read. */
  passes(view: TableView, row: number): boolean {
    if (this.#policies.length === 0) return true;
    const verdicts = this.#verdicts(view);
    for (const { all, any, none } of this.#policies) {
      for (const condition of all) if (!holds(condition, view, row, verdicts)) return false;
      if (any !== undefined && !any.some((condition) => holds(condition, view, row, verdicts))) return false;
      if (none?.every((condition) => holds(condition, view, row, verdicts))) return false;
    }
    return true;
  }

  #verdicts(view: TableView): Uint8Array[] {
    let verdicts = view.kept.get(this) as Uint8Array[] | undefined;
    if (verdicts === undefined) {
      verdicts = Array.from({ length: this.#conditions }, () => new Uint8Array(256));
      view.kept.set(this, verdicts);
    }
    const need = view.data.valueCount;
    if (verdicts.length > 0 && verdicts[0]!.length < need) {
      for (let i = 0; i < verdicts.length; i++) {
        const larger = new Uint8Array(Math.max(need, verdicts[i]!.length * 2));
        larger.set(verdicts[i]!);
        verdicts[i] = larger;
      }
    }
    return verdicts;
  }

  #condition({ key, value }: PolicyAttribute, matchType: 'strict' | 'regex', plan: SlotPlan): Condition {
    const number = this.#conditions++;
    const test = matchType === 'regex' ? matches(String(value)) : equals(String(value));
    if (key === 'kind' || key === 'status' || key === 'name') return { number, source: key, slot: -1, test };
    const scoped = /^(resource|span)\.(.+)$/s.exec(key);
    if (scoped === null)
      throw new Error(`${key} is not kind, name, status or an attribute with its scope, like resource.${key}`);
    const slot = scoped[1] === 'resource' ? plan.resource(scoped[2]!) : plan.span(scoped[2]!);
    return { number, source: 'attribute', slot, test };
  }
}

function holds(condition: Condition, view: TableView, row: number, verdicts: readonly Uint8Array[]): boolean {
  const { source } = condition;
  if (source === 'kind') return condition.test(kindText(view.data.kindStatus[row]!));
  if (source === 'status') return condition.test(statusText(view.data.kindStatus[row]!));
  const id = source === 'name' ? view.data.name[row]! : view.found[condition.slot]!;
  if (id === 0) return false;
  const known = verdicts[condition.number]!;
  if (known[id] === Verdict.unknown) known[id] = condition.test(view.text(id)) ? Verdict.yes : Verdict.no;
  return known[id] === Verdict.yes;
}

function equals(wanted: string): (text: string | undefined) => boolean {
  return (text) => text === wanted;
}

function matches(pattern: string): (text: string | undefined) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => text !== undefined && compiled.matcher(text).find();
}
