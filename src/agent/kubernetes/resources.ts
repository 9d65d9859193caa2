/** The kinds of objects that discovery reads, and what it keeps of each. */
import type {
  KubernetesObject,
  V1EndpointAddress,
  V1Endpoints,
  V1Node,
  V1ObjectMeta,
  V1Pod,
  V1Service,
} from '@kubernetes/client-node';
import type { Resource } from './mirror.ts';
import { type PodRecord, podRecord } from './pod-record.ts';

export interface NamedRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ServiceRecord extends NamedRecord {
  readonly type: string;
  readonly clusterIp: string;
  readonly loadBalancerIp: string;
  readonly externalName: string;
  readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
}

export interface EndpointsRecord extends NamedRecord {
  readonly subsets: readonly {
    readonly addresses: readonly EndpointAddress[];
    readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
  }[];
}

export interface EndpointAddress {
  readonly ip: string;
  readonly hostname: string;
  readonly nodeName: string;
  readonly isReady: boolean;
  readonly targetKind: string;
  readonly targetName: string;
  readonly targetNamespace: string;
}

export interface NodeRecord extends NamedRecord {
  readonly providerId: string;
  readonly kubeletPort: number;
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
}

export const pods: Resource<PodRecord> = { plural: 'pods', keep: (object) => podRecord(object as V1Pod) };

export const services: Resource<ServiceRecord> = {
  plural: 'services',
  keep(object) {
    const { metadata, spec } = object as V1Service;
    return {
      ...named(metadata),
      type: spec?.type ?? 'ClusterIP',
      clusterIp: spec?.clusterIP ?? '',
      loadBalancerIp: spec?.loadBalancerIP ?? '',
      externalName: spec?.externalName ?? '',
      ports: (spec?.ports ?? []).map(({ name, port, protocol }) => portRecord(name, port, protocol)),
    };
  },
};

export const endpoints: Resource<EndpointsRecord> = {
  plural: 'endpoints',
  keep(object) {
    const { metadata, subsets = [] } = object as V1Endpoints;
    return {
      ...named(metadata),
      subsets: subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => ({
        addresses: [
          ...addresses.map((address) => endpointAddress(address, true)),
          ...notReadyAddresses.map((address) => endpointAddress(address, false)),
        ],
        ports: ports.map(({ name, port, protocol }) => portRecord(name, port, protocol)),
      })),
    };
  },
};

export const nodes: Resource<NodeRecord> = {
  plural: 'nodes',
  keep(object) {
    const { metadata, spec, status } = object as V1Node;
    return {
      ...named(metadata),
      providerId: spec?.providerID ?? '',
      kubeletPort: status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 10250,
      addresses: (status?.addresses ?? []).map(({ type, address }) => ({ type, address })),
    };
  },
};

function named(metadata: V1ObjectMeta | KubernetesObject['metadata']): NamedRecord {
  return {
    uid: metadata?.uid ?? '',
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
  };
}

function portRecord(name: string | undefined, number: number, protocol: string | undefined) {
  return { name: name ?? '', number, protocol: protocol ?? 'TCP' };
}

function endpointAddress({ ip, hostname, nodeName, targetRef }: V1EndpointAddress, isReady: boolean): EndpointAddress {
  return {
    ip,
    hostname: hostname ?? '',
    nodeName: nodeName ?? '',
    isReady,
    targetKind: targetRef?.kind ?? '',
    targetName: targetRef?.name ?? '',
    targetNamespace: targetRef?.namespace ?? '',
  };
}
