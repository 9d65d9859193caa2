/** Stores requests and hands those that were stored to the forwarders of their tenant. */
import type { Forwarder } from './forwarder.ts';
import type { Ingest, PushOptions } from './ingest.ts';

export class ForwardIngest implements Ingest {
  readonly #ingest: Ingest;
  readonly #forwarders: ReadonlyMap<string, Forwarder>;
  readonly #namesOf: (tenant: string) => readonly string[];

  /** @param namesOf a tenant's forwarders; names that do not exist are ignored */
  constructor(ingest: Ingest, forwarders: readonly Forwarder[], namesOf: (tenant: string) => readonly string[]) {
    this.#ingest = ingest;
    this.#forwarders = new Map(forwarders.map((forwarder) => [forwarder.name, forwarder]));
    this.#namesOf = namesOf;
  }

  async push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void> {
    await this.#ingest.push(tenant, body, options);
    if (body.length === 0) return;
    for (const name of this.#namesOf(tenant)) this.#forwarders.get(name)?.push(tenant, body);
  }
}
