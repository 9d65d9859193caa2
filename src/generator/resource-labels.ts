/** `job` and `instance` of a resource, as Prometheus's conventions for OpenTelemetry have them. */
import type { SlotPlan, TableView } from './table-view.ts';

export class ResourceNames {
  readonly service: number;
  readonly #namespace: number;
  readonly #instance: number;

  constructor(plan: SlotPlan) {
    this.service = plan.resource('service.name');
    this.#namespace = plan.resource('service.namespace');
    this.#instance = plan.resource('service.instance.id');
  }

  /** Empty when the resource names no service. */
  job(view: TableView, resource: number): string {
    const service = view.text(view.resourceValue(resource, this.service)) ?? '';
    const namespace = view.text(view.resourceValue(resource, this.#namespace)) ?? '';
    return service === '' || namespace === '' ? service : `${namespace}/${service}`;
  }

  instance(view: TableView, resource: number): string {
    return view.text(view.resourceValue(resource, this.#instance)) ?? '';
  }
}
