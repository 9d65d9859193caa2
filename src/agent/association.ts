/**
 * Finds the pod that sent a resource's spans: by what the resource says of itself, or by the address of the connection.
 * Every answer is a pod or the reason why there is none.
 */
import type { PodIndex } from './kubernetes/pod-index.ts';
import { normalizeIp, type PodRecord } from './kubernetes/pod-record.ts';

/** What the value of an attribute is to a pod. */
export const identityKinds = ['uid', 'ip', 'name', 'namespace', 'container_id'] as const;
export type IdentityKind = (typeof identityKinds)[number];

export type AssociationSource =
  | { readonly from: 'connection' }
  | { readonly from: 'resource_attribute'; readonly name: string; readonly is: IdentityKind };

/** All sources must be there and say the same pod; the first association that finds one wins. */
export type Association = readonly AssociationSource[];

/** Attributes that say what they are by their names. */
export const wellKnownIdentities: Readonly<Record<string, IdentityKind>> = {
  'k8s.pod.uid': 'uid',
  'k8s.pod.ip': 'ip',
  'k8s.pod.name': 'name',
  'k8s.namespace.name': 'namespace',
  'container.id': 'container_id',
};

export const associationsDefault: readonly Association[] = [
  [{ from: 'resource_attribute', name: 'k8s.pod.uid', is: 'uid' }],
  [{ from: 'resource_attribute', name: 'k8s.pod.ip', is: 'ip' }],
  [
    { from: 'resource_attribute', name: 'k8s.pod.name', is: 'name' },
    { from: 'resource_attribute', name: 'k8s.namespace.name', is: 'namespace' },
  ],
  [{ from: 'connection' }],
];

export const missReasons = [
  /** The transport tells no address, and no attribute names a pod. */
  'no_peer_ip',
  /** Sent from this machine's loopback interface: any process of ours. */
  'loopback',
  /** The address is this agent's own, as behind a proxy or a NAT in its pod. */
  'own_pod',
  /** The address is a node's, which all its host-network pods share. */
  'host_network',
  /** No pod has the address … */
  'unknown_ip',
  /** … or is what the attributes say. */
  'unknown_pod',
  /** The address went from one pod to another in the very second of the request. */
  'ambiguous',
  /** The pod that has the address is not the one that the attributes name. */
  'contradiction',
  /** The API did not answer in time, so that nothing is known of pods. */
  'timeout',
] as const;
export type MissReason = (typeof missReasons)[number];

export interface Sender {
  /** Address of the connection. */
  readonly peerIp: string | undefined;
  readonly attributes: ReadonlyMap<string, string | undefined>;
  /** When the request came, Unix ms. */
  readonly receivedMs: number;
}

export interface OwnPod {
  readonly uid?: string | undefined;
  readonly ip?: string | undefined;
}

export type Associated = { readonly pod: PodRecord } | { readonly miss: MissReason };

export class Associator {
  readonly #pods: PodIndex;
  readonly #associations: readonly Association[];
  readonly #own: OwnPod;

  constructor(pods: PodIndex, associations: readonly Association[], own: OwnPod) {
    this.#pods = pods;
    this.#associations = associations;
    this.#own = own;
  }

  /** Whether a later answer may differ: a pod may be on its way to us. */
  static mayStillCome(miss: MissReason): boolean {
    return miss === 'unknown_ip' || miss === 'unknown_pod' || miss === 'contradiction' || miss === 'timeout';
  }

  find(sender: Sender): Associated {
    let miss: MissReason = 'no_peer_ip';
    for (const association of this.#associations) {
      const found = this.#try(association, sender);
      if (found === undefined) continue;
      if ('pod' in found) return found;
      // What is said of the connection is the last word; attributes that name nobody leave it the next say.
      miss = found.miss;
    }
    return { miss };
  }

  /** undefined: a source is not there. */
  #try(association: Association, sender: Sender): Associated | undefined {
    let ip: string | undefined;
    let uid: string | undefined;
    let name: string | undefined;
    let namespace: string | undefined;
    let containerId: string | undefined;
    let isConnection = false;
    for (const source of association) {
      const value =
        source.from === 'connection' ? sender.peerIp && normalizeIp(sender.peerIp) : sender.attributes.get(source.name);
      if (value === undefined || value === '') return undefined;
      if (source.from === 'connection') {
        isConnection = true;
        ip = value;
      } else if (source.is === 'ip') ip = normalizeIp(value);
      else if (source.is === 'uid') uid = value;
      else if (source.is === 'name') name = value;
      else if (source.is === 'namespace') namespace = value;
      else containerId = value;
    }
    if (isConnection) {
      const miss = this.#notAPod(ip!);
      if (miss !== undefined) return { miss };
    }
    const pods = this.#pods;
    const atMs = sender.receivedMs;
    const pod =
      uid !== undefined
        ? pods.byUid(uid)
        : containerId !== undefined
          ? pods.byContainerId(containerId)
          : name !== undefined
            ? pods.byName(namespace ?? '', name, atMs)
            : pods.byIp(ip!, atMs);
    if (pod === undefined) return { miss: isConnection ? 'unknown_ip' : 'unknown_pod' };
    if (pod === 'ambiguous') return { miss: 'ambiguous' };
    if (isConnection && pod.uid === this.#own.uid) return { miss: 'own_pod' };
    const agrees =
      (uid === undefined || pod.uid === uid) &&
      (name === undefined || pod.name === name) &&
      (namespace === undefined || pod.namespace === namespace) &&
      (ip === undefined || pod.ips.includes(ip));
    return agrees && (!isConnection || agreesWithResource(pod, sender.attributes))
      ? { pod }
      : { miss: 'contradiction' };
  }

  /** Why an address can be no pod's. */
  #notAPod(ip: string): MissReason | undefined {
    if (ip === '::1' || ip.startsWith('127.')) return 'loopback';
    if (ip === this.#own.ip) return 'own_pod';
    if (this.#pods.isNodeIp(ip)) return 'host_network';
    return undefined;
  }
}

/** Spans that were sent on, through another collector say, name another pod than the connection does. */
function agreesWithResource(pod: PodRecord, attributes: Sender['attributes']): boolean {
  const same = (name: string, value: string): boolean => (attributes.get(name) ?? value) === value;
  return same('k8s.pod.uid', pod.uid) && same('k8s.pod.name', pod.name) && same('k8s.namespace.name', pod.namespace);
}
