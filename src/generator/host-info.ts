/** Which hosts send spans: a gauge that is 1, by the first of some resource attributes that a resource has. */
import type { ValueFamily } from './families.ts';
import type { Registry } from './registry.ts';
import type { HostInfoSettings } from './settings.ts';
import type { SlotPlan, TableView } from './table-view.ts';

export class HostInfo {
  readonly #family: ValueFamily;
  readonly #registry: Registry;
  readonly #identifiers: readonly { readonly key: string; readonly slot: number }[];

  constructor({ identifiers, metricName }: HostInfoSettings, registry: Registry, plan: SlotPlan) {
    this.#registry = registry;
    this.#family = registry.gauge(metricName);
    this.#identifiers = identifiers.map((key) => ({ key, slot: plan.resource(key) }));
  }

  see(view: TableView, row: number, nowMs: number): void {
    let hosts = view.kept.get(this) as number[] | undefined;
    if (hosts === undefined) view.kept.set(this, (hosts = []));
    const resource = view.data.resource[row]!;
    const series = (hosts[resource] ??= this.#seriesOf(view, resource, nowMs));
    if (series >= 0) this.#family.set(series, 1, nowMs);
  }

  /** -1 when the resource names no host. */
  #seriesOf(view: TableView, resource: number, nowMs: number): number {
    for (const { key, slot } of this.#identifiers) {
      const host = view.text(view.resourceValue(resource, slot)) ?? '';
      if (host === '') continue;
      const labels = [
        { name: 'grafana_host_id', value: host },
        { name: 'host_source', value: key },
      ];
      return this.#family.seriesOf(this.#registry.labelSet(labels), nowMs);
    }
    return -1;
  }
}
