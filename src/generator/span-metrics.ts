/**
 * Calls, latency and bytes of spans, by what they are. Spans with the same codes for everything that becomes a label are
 * a group; labels are made once a group and table, and a span adds to its group's series.
 */
import type { HistogramFamily, ValueFamily } from './families.ts';
import { GroupCache } from './group-cache.ts';
import { kindText, statusText } from './intrinsic-text.ts';
import { dimensionName, type Label, type LabelSet, labelName } from './labels.ts';
import { Multiplier } from './multiplier.ts';
import type { Registry } from './registry.ts';
import { ResourceNames } from './resource-labels.ts';
import type { SpanMetricsSettings } from './settings.ts';
import { SpanFilter } from './span-filter.ts';
import type { SlotPlan, TableView } from './table-view.ts';

/** An attribute's value: the resource's, or else the span's. */
interface AttributeSlots {
  readonly resource: number;
  readonly span: number;
}

interface TableGroups {
  readonly cache: GroupCache;
  /** By group: the series, or -1 for groups whose labels are not UTF-8. */
  readonly calls: number[];
  readonly latency: number[];
  readonly size: number[];
  /** By resource row: its series of target info, -1 = none, undefined = not looked at. */
  readonly targets: (number | undefined)[];
}

/** Words of a group that are there anyway: resource, name, kind and status, status message. */
const fixedWords = 4;
const targetExcluded = ['service.name', 'service.namespace', 'service.instance.id'];

export class SpanMetrics {
  readonly #settings: SpanMetricsSettings;
  readonly #registry: Registry;
  readonly #filter: SpanFilter;
  readonly #multiplier: Multiplier;
  readonly #names: ResourceNames;
  readonly #calls: ValueFamily | undefined;
  readonly #latency: HistogramFamily | undefined;
  readonly #size: ValueFamily | undefined;
  readonly #targetInfo: ValueFamily | undefined;
  readonly #statusMessage: number;
  readonly #dimensions: readonly (AttributeSlots & { readonly label: string })[];
  readonly #mappings: readonly {
    readonly label: string;
    readonly join: string;
    readonly sources: readonly AttributeSlots[];
  }[];
  /** Every attribute that labels come from. */
  readonly #attributes: readonly AttributeSlots[];
  readonly #spanName: (name: string) => string;

  /** @param spanName what a span's name becomes as a label */
  constructor(
    settings: SpanMetricsSettings,
    registry: Registry,
    plan: SlotPlan,
    spanName: (name: string) => string = (name) => name,
  ) {
    this.#settings = settings;
    this.#registry = registry;
    this.#spanName = spanName;
    this.#filter = new SpanFilter(settings.policies, plan);
    this.#multiplier = new Multiplier(settings, plan);
    this.#names = new ResourceNames(plan);
    this.#calls = settings.calls ? registry.counter('traces_spanmetrics_calls_total') : undefined;
    this.#latency = settings.latency ? registry.histogram('traces_spanmetrics_latency', settings.buckets) : undefined;
    this.#size = settings.size ? registry.counter('traces_spanmetrics_size_total') : undefined;
    this.#targetInfo = settings.targetInfo ? registry.gauge('traces_target_info') : undefined;
    this.#statusMessage = plan.span('statusMessage', 'spanField');
    const slots = (key: string): AttributeSlots => ({ resource: plan.resource(key), span: plan.span(key) });
    const taken = takenNames(settings);
    this.#dimensions = settings.dimensions.map((key) => ({ ...slots(key), label: dimensionName(key, taken) }));
    this.#mappings = settings.mappings.map(({ name, source_labels, join = '' }) => ({
      label: dimensionName(name, taken),
      join,
      sources: source_labels.map(slots),
    }));
    this.#attributes = [...this.#dimensions, ...this.#mappings.flatMap(({ sources }) => sources)];
  }

  /**
   * Counts the span that the view has read.
   * @param seconds how long it took
   * @returns whether it was counted, and why not
   */
  count(
    view: TableView,
    row: number,
    seconds: number,
    bytes: number,
    nowMs: number,
  ): 'counted' | 'filtered' | 'invalid_utf8' {
    if (!this.#filter.passesAll && !this.#filter.passes(view, row)) return 'filtered';
    const groups = this.#groupsOf(view);
    const group = this.#groupOf(groups, view, row, nowMs);
    const calls = groups.calls[group]!;
    if (calls < 0) return 'invalid_utf8';
    const weight = this.#multiplier.of(view);
    this.#calls?.add(calls, weight, nowMs);
    this.#latency?.observe(groups.latency[group]!, seconds, weight, view.data.traceIds, view.data.trace[row]!, nowMs);
    this.#size?.add(groups.size[group]!, bytes, nowMs);
    if (this.#targetInfo !== undefined)
      this.#seeTarget(this.#targetInfo, groups, view, view.data.resource[row]!, nowMs);
    return 'counted';
  }

  #groupsOf(view: TableView): TableGroups {
    let groups = view.kept.get(this) as TableGroups | undefined;
    if (groups === undefined) {
      const cache = new GroupCache(fixedWords + this.#attributes.length);
      groups = { cache, calls: [], latency: [], size: [], targets: [] };
      view.kept.set(this, groups);
    }
    return groups;
  }

  #groupOf(groups: TableGroups, view: TableView, row: number, nowMs: number): number {
    const { cache } = groups;
    const { wanted } = cache;
    const { data, found } = view;
    wanted[0] = data.resource[row]!;
    wanted[1] = data.name[row]!;
    wanted[2] = data.kindStatus[row]!;
    wanted[3] = this.#settings.intrinsics.status_message ? found[this.#statusMessage]! : 0;
    const attributes = this.#attributes;
    for (let i = 0; i < attributes.length; i++)
      wanted[fixedWords + i] = found[attributes[i]!.resource]! || found[attributes[i]!.span]!;
    const known = cache.count;
    const group = cache.find();
    if (group < known) return group;
    const labels = this.#labelsOf(view, row);
    groups.calls[group] = labels === undefined ? -1 : (this.#calls?.seriesOf(labels, nowMs) ?? 0);
    if (labels !== undefined) {
      groups.latency[group] = this.#latency?.seriesOf(labels, nowMs) ?? 0;
      groups.size[group] = this.#size?.seriesOf(labels, nowMs) ?? 0;
    }
    return group;
  }

  /** Undefined when a value is not UTF-8. */
  #labelsOf(view: TableView, row: number): LabelSet | undefined {
    const { intrinsics, targetInfo, instanceLabel } = this.#settings;
    const { data } = view;
    const labels: Label[] = [];
    let valid = true;
    const text = (id: number): string => {
      const value = view.text(id);
      if (value === undefined && id !== 0) valid = false;
      return value ?? '';
    };
    const attribute = ({ resource, span }: AttributeSlots): string => text(view.found[resource]! || view.found[span]!);
    const add = (name: string, value: string): void => void labels.push({ name, value });
    if (intrinsics.service) add('service', text(view.found[this.#names.service]!));
    if (intrinsics.span_name) add('span_name', this.#spanName(text(data.name[row]!)));
    if (intrinsics.span_kind) add('span_kind', kindText(data.kindStatus[row]!));
    if (intrinsics.status_code) add('status_code', statusText(data.kindStatus[row]!));
    if (intrinsics.status_message) add('status_message', text(view.found[this.#statusMessage]!));
    for (const dimension of this.#dimensions) add(dimension.label, attribute(dimension));
    for (const { label, join, sources } of this.#mappings)
      add(
        label,
        sources
          .map(attribute)
          .filter((value) => value !== '')
          .join(join),
      );
    if (targetInfo) {
      add('job', this.#names.job(view, data.resource[row]!));
      if (instanceLabel) add('instance', this.#names.instance(view, data.resource[row]!));
    }
    return valid ? this.#registry.labelSet(labels) : undefined;
  }

  #seeTarget(family: ValueFamily, groups: TableGroups, view: TableView, resource: number, nowMs: number): void {
    let series = groups.targets[resource];
    if (series === undefined) {
      const labels = this.#targetLabels(view, resource);
      groups.targets[resource] = series = labels === undefined ? -1 : family.seriesOf(labels, nowMs);
    }
    if (series >= 0) family.set(series, 1, nowMs);
  }

  /** Undefined when there is nothing to tell about the target, or no target. */
  #targetLabels(view: TableView, resource: number): LabelSet | undefined {
    const { targetInfoExcluded, instanceLabel } = this.#settings;
    const { data } = view;
    const taken = new Set(['job', 'instance']);
    const excluded = new Set([...targetExcluded, ...targetInfoExcluded]);
    const labels: Label[] = [];
    const end = data.resourceAttrEnd[resource]!;
    for (let i = resource === 0 ? 0 : data.resourceAttrEnd[resource - 1]!; i < end; i++) {
      const id = data.resourceAttrs[i]!;
      const { scope, key } = data.columns[data.valueColumn[id]!]!;
      if (scope !== 'resource' || excluded.has(key)) continue;
      labels.push({ name: dimensionName(key, taken), value: view.text(id) ?? '' });
    }
    const job = this.#names.job(view, resource);
    const instance = instanceLabel ? this.#names.instance(view, resource) : '';
    if (labels.length === 0 || (job === '' && instance === '')) return undefined;
    return this.#registry.labelSet([...labels, { name: 'job', value: job }, { name: 'instance', value: instance }]);
  }
}

/** Labels that a dimension may not have the name of. */
function takenNames({ intrinsics, targetInfo, instanceLabel }: SpanMetricsSettings): ReadonlySet<string> {
  const taken = Object.entries(intrinsics).flatMap(([name, on]) => (on ? [labelName(name)] : []));
  if (targetInfo) taken.push('job', ...(instanceLabel ? ['instance'] : []));
  return new Set(taken);
}
