/** Mirrors of the cluster's objects: each kind and selection is listed and watched once, however many ask for it. */
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Clock } from '../../base/clock.ts';
import type { Rng } from '../../base/random.ts';
import type { ApiClient } from './api-client.ts';
import { Reflector, type ReflectorStatus } from './reflector.ts';

/** A kind of objects and what is kept of each. */
export interface Resource<Item> {
  readonly plural: string;
  readonly keep: (object: KubernetesObject) => Item;
}

export interface Selection {
  /** Unset: all. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface MirrorListener<Item> {
  /** A complete list; all else is gone. */
  onList(items: readonly Item[]): void;
  onSet(item: Item): void;
  onGone(item: Item): void;
}

export interface MirrorStatus extends ReflectorStatus {
  readonly resource: string;
  readonly selection: Selection;
}

export interface MirrorsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
}

interface Mirror {
  readonly resource: string;
  readonly selection: Selection;
  readonly reflector: Reflector<unknown>;
  readonly listeners: MirrorListener<unknown>[];
}

export class Mirrors {
  readonly #options: MirrorsOptions;
  readonly #mirrors = new Map<string, Mirror>();

  constructor(options: MirrorsOptions) {
    this.#options = options;
  }

  /** Before `run` only: everybody hears of everything from the first list on. */
  listen<Item>(resource: Resource<Item>, selection: Selection, listener: MirrorListener<Item>): void {
    const key = JSON.stringify([
      resource.plural,
      selection.namespace,
      selection.labelSelector,
      selection.fieldSelector,
    ]);
    let mirror = this.#mirrors.get(key);
    if (mirror === undefined) {
      mirror = this.#create(resource, selection);
      this.#mirrors.set(key, mirror);
    }
    mirror.listeners.push(listener as MirrorListener<unknown>);
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#mirrors.values()].map(({ reflector }) => reflector.run(signal)));
  }

  status(): MirrorStatus[] {
    return [...this.#mirrors.values()].map(({ resource, selection, reflector }) => ({
      resource,
      selection,
      ...reflector.status,
    }));
  }

  #create({ plural, keep }: Resource<unknown>, selection: Selection): Mirror {
    const listeners: MirrorListener<unknown>[] = [];
    const { namespace, ...selectors } = selection;
    const reflector = new Reflector<unknown>({
      ...this.#options,
      ...selectors,
      path: namespace === undefined ? `/api/v1/${plural}` : `/api/v1/namespaces/${namespace}/${plural}`,
      keep,
      onList: (items) => {
        for (const listener of listeners) listener.onList(items);
      },
      onSet: (item) => {
        for (const listener of listeners) listener.onSet(item);
      },
      onGone: (item) => {
        for (const listener of listeners) listener.onGone(item);
      },
    });
    return { resource: plural, selection, reflector, listeners };
  }
}
