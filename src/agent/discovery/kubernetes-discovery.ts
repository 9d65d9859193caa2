/** `kubernetes_sd_configs`: targets out of the mirrors of the cluster's objects. */
import type { MirrorListener, Mirrors, Resource, Selection } from '../kubernetes/mirror.ts';
import type { PodRecord } from '../kubernetes/pod-record.ts';
import {
  type EndpointsRecord,
  endpoints,
  type NamedRecord,
  nodes,
  pods,
  type ServiceRecord,
  services,
} from '../kubernetes/resources.ts';
import { endpointsTargets, nodeTargets, podTargets, serviceTargets } from './meta-labels.ts';
import type { DiscoveredTarget, Discovery, DiscoveryStatus, OnGroup } from './target.ts';

export const kubernetesRoles = ['pod', 'service', 'endpoints', 'node'] as const;
export type KubernetesRole = (typeof kubernetesRoles)[number];

export interface KubernetesDiscoveryConfig {
  readonly role: KubernetesRole;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly selectors: readonly {
    readonly role: KubernetesRole;
    readonly label?: string | undefined;
    readonly field?: string | undefined;
  }[];
  /** Only pods of this node. */
  readonly nodeName?: string | undefined;
}

interface Named {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Listens to the mirrors when it is made; groups that come before `run` wait for it. */
export class KubernetesDiscovery implements Discovery {
  readonly status: DiscoveryStatus;
  readonly #mirrors: Mirrors;
  readonly #config: KubernetesDiscoveryConfig;
  /** Of the endpoints role. */
  readonly #pods = new Map<string, PodRecord>();
  readonly #services = new Map<string, ServiceRecord>();
  readonly #endpoints = new Map<string, EndpointsRecord>();
  #onGroup: OnGroup = (source, targets) => void this.#early.set(source, targets);
  readonly #early = new Map<string, readonly DiscoveredTarget[]>();

  constructor(config: KubernetesDiscoveryConfig, mirrors: Mirrors) {
    this.status = { kind: `kubernetes ${config.role}`, failures: 0, lastError: undefined };
    this.#mirrors = mirrors;
    this.#config = config;
    switch (config.role) {
      case 'pod':
        this.#groups('pod', pods, podTargets);
        break;
      case 'service':
        this.#groups('service', services, serviceTargets);
        break;
      case 'node':
        this.#groups('node', nodes, nodeTargets);
        break;
      case 'endpoints':
        this.#index('endpoints', endpoints, this.#endpoints, (changed) => this.#publish(changed));
        this.#index('service', services, this.#services, (changed) => this.#publish(changed));
        this.#index('pod', pods, this.#pods, (changed) => this.#publishAround(changed));
    }
  }

  async run(onGroup: OnGroup): Promise<void> {
    this.#onGroup = onGroup;
    for (const [source, targets] of this.#early) onGroup(source, targets);
    this.#early.clear();
  }

  /** A group for each object. */
  #groups<Item extends Named>(
    role: KubernetesRole,
    resource: Resource<Item>,
    targetsOf: (item: Item) => DiscoveredTarget[],
  ): void {
    const known = new Map<string, Item>();
    this.#index(role, resource, known, (key) => {
      const item = known.get(key);
      this.#onGroup(`${role}/${key}`, item === undefined ? [] : targetsOf(item));
    });
  }

  /** Keeps `known` by `namespace/name`, and tells which changed. */
  #index<Item extends Named>(
    role: KubernetesRole,
    resource: Resource<Item>,
    known: Map<string, Item>,
    onChange: (key: string) => void,
  ): void {
    for (const selection of this.#selections(role)) {
      const isOurs = (item: Named): boolean =>
        selection.namespace === undefined || item.namespace === selection.namespace;
      const set = (item: Item): void => {
        known.set(keyOf(item), item);
        onChange(keyOf(item));
      };
      const listener: MirrorListener<Item> = {
        onList(items) {
          const keys = new Set(items.map(keyOf));
          for (const [key, item] of [...known]) {
            if (keys.has(key) || !isOurs(item)) continue;
            known.delete(key);
            onChange(key);
          }
          for (const item of items) set(item);
        },
        onSet: set,
        onGone(item) {
          // Its name may have gone to another one already.
          if (known.get(keyOf(item))?.uid !== item.uid) return;
          known.delete(keyOf(item));
          onChange(keyOf(item));
        },
      };
      this.#mirrors.listen(resource, selection, listener);
    }
  }

  #selections(role: KubernetesRole): Selection[] {
    const { namespaces, selectors, nodeName } = this.#config;
    const selector = selectors.find((each) => each.role === role);
    const onNode = role === 'pod' && this.#config.role === 'pod' && nodeName ? `spec.nodeName=${nodeName}` : undefined;
    const fields = [onNode, selector?.field].filter((field) => field !== undefined);
    const selection: Selection = {
      labelSelector: selector?.label,
      fieldSelector: fields.length === 0 ? undefined : fields.join(','),
    };
    // Nodes belong to no namespace.
    if (namespaces.length === 0 || role === 'node') return [selection];
    return namespaces.map((namespace) => ({ ...selection, namespace }));
  }

  #publish(key: string): void {
    const item = this.#endpoints.get(key);
    const neighbours = { service: this.#services.get(key), pods: this.#pods };
    this.#onGroup(`endpoints/${key}`, item === undefined ? [] : endpointsTargets(item, neighbours));
  }

  /** A pod changed: the endpoints that lead to it. */
  #publishAround(podKey: string): void {
    for (const [key, { subsets }] of this.#endpoints) {
      const leads = subsets.some(({ addresses }) =>
        addresses.some(
          ({ targetKind, targetNamespace, targetName }) =>
            targetKind === 'Pod' && `${targetNamespace}/${targetName}` === podKey,
        ),
      );
      if (leads) this.#publish(key);
    }
  }
}

function keyOf({ namespace, name }: Pick<NamedRecord, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}
