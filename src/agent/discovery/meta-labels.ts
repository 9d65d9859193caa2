/**
 * Prometheus's `__meta_kubernetes_*` labels of each role.
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
 */
import type { ContainerRecord, PodRecord } from '../kubernetes/pod-record.ts';
import type { EndpointAddress, EndpointsRecord, NodeRecord, ServiceRecord } from '../kubernetes/resources.ts';
import type { DiscoveredTarget } from './target.ts';

type Pairs = Map<string, string>;
type Port = ContainerRecord['ports'][number];

const prefix = '__meta_kubernetes_';

/** A target for each port of each container, one for a container without ports, none for a pod without an address. */
export function podTargets(pod: PodRecord): DiscoveredTarget[] {
  const [ip] = pod.ips;
  if (ip === undefined) return [];
  const targets: DiscoveredTarget[] = [];
  for (const container of pod.containers) {
    const ports: readonly (Port | undefined)[] = container.ports.length === 0 ? [undefined] : container.ports;
    for (const port of ports) {
      const labels: Pairs = new Map([['__address__', port === undefined ? ip : hostPort(ip, port.number)]]);
      setPodLabels(labels, pod);
      setContainerLabels(labels, container, port);
      targets.push({ labels, podUid: pod.uid, container: container.name });
    }
  }
  return targets;
}

export function serviceTargets(service: ServiceRecord): DiscoveredTarget[] {
  return service.ports.map((port) => {
    const labels: Pairs = new Map([['__address__', `${service.name}.${service.namespace}.svc:${port.number}`]]);
    setServiceLabels(labels, service);
    labels.set(`${prefix}service_port_name`, port.name);
    labels.set(`${prefix}service_port_number`, String(port.number));
    labels.set(`${prefix}service_port_protocol`, port.protocol);
    return { labels };
  });
}

export function nodeTargets(node: NodeRecord): DiscoveredTarget[] {
  const address = ['InternalIP', 'ExternalIP', 'LegacyHostIP', 'Hostname']
    .map((type) => node.addresses.find((each) => each.type === type)?.address)
    .find((found) => found !== undefined);
  if (address === undefined) return [];
  const labels: Pairs = new Map([
    ['__address__', hostPort(address, node.kubeletPort)],
    ['instance', node.name],
    [`${prefix}node_name`, node.name],
    [`${prefix}node_provider_id`, node.providerId],
  ]);
  setFields(labels, 'node', node);
  for (const { type, address: value } of node.addresses) {
    const name = `${prefix}node_address_${sanitize(type)}`;
    if (!labels.has(name)) labels.set(name, value);
  }
  return [{ labels }];
}

export interface EndpointsNeighbours {
  readonly service: ServiceRecord | undefined;
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, PodRecord>;
}

/** A target for each address and port, and one for each further port of the pods behind them. */
export function endpointsTargets(endpoints: EndpointsRecord, neighbours: EndpointsNeighbours): DiscoveredTarget[] {
  const targets: DiscoveredTarget[] = [];
  const seen = new Map<PodRecord, Set<number>>();
  const common = (): Pairs => {
    const labels: Pairs = new Map([
      [`${prefix}namespace`, endpoints.namespace],
      [`${prefix}endpoints_name`, endpoints.name],
    ]);
    setFields(labels, 'endpoints', endpoints);
    if (neighbours.service !== undefined) setServiceLabels(labels, neighbours.service);
    return labels;
  };
  for (const { addresses, ports } of endpoints.subsets) {
    for (const address of addresses) {
      const pod = podBehind(address, neighbours);
      for (const port of ports) {
        const labels = common();
        labels.set('__address__', hostPort(address.ip, port.number));
        setAddressLabels(labels, address);
        labels.set(`${prefix}endpoint_port_name`, port.name);
        labels.set(`${prefix}endpoint_port_protocol`, port.protocol);
        if (pod === undefined) {
          targets.push({ labels });
          continue;
        }
        setPodLabels(labels, pod);
        const container = pod.containers.find((each) => each.ports.some(({ number }) => number === port.number));
        const containerPort = container?.ports.find(({ number }) => number === port.number);
        if (container !== undefined) setContainerLabels(labels, container, containerPort);
        seen.set(pod, (seen.get(pod) ?? new Set()).add(port.number));
        targets.push({ labels, podUid: pod.uid, container: container?.name });
      }
    }
  }
  for (const [pod, numbers] of seen) {
    for (const container of pod.containers) {
      for (const port of container.ports) {
        if (numbers.has(port.number)) continue;
        const labels = common();
        labels.set('__address__', hostPort(pod.ips[0] ?? '', port.number));
        setPodLabels(labels, pod);
        setContainerLabels(labels, container, port);
        targets.push({ labels, podUid: pod.uid, container: container.name });
      }
    }
  }
  return targets;
}

function podBehind(address: EndpointAddress, { pods }: EndpointsNeighbours): PodRecord | undefined {
  if (address.targetKind !== 'Pod') return undefined;
  return pods.get(`${address.targetNamespace}/${address.targetName}`);
}

function setPodLabels(labels: Pairs, pod: PodRecord): void {
  labels.set(`${prefix}namespace`, pod.namespace);
  labels.set(`${prefix}pod_name`, pod.name);
  labels.set(`${prefix}pod_ip`, pod.ips[0] ?? '');
  labels.set(`${prefix}pod_ready`, pod.ready);
  labels.set(`${prefix}pod_phase`, pod.phase);
  labels.set(`${prefix}pod_node_name`, pod.nodeName);
  labels.set(`${prefix}pod_host_ip`, pod.hostIp);
  labels.set(`${prefix}pod_uid`, pod.uid);
  if (pod.owner !== undefined) {
    labels.set(`${prefix}pod_controller_kind`, pod.owner.kind);
    labels.set(`${prefix}pod_controller_name`, pod.owner.name);
  }
  setFields(labels, 'pod', pod);
}

function setContainerLabels(labels: Pairs, container: ContainerRecord, port: Port | undefined): void {
  labels.set(`${prefix}pod_container_name`, container.name);
  labels.set(`${prefix}pod_container_id`, container.runtimeScheme + container.id);
  labels.set(`${prefix}pod_container_image`, container.image);
  labels.set(`${prefix}pod_container_init`, String(container.isInit));
  if (port === undefined) return;
  labels.set(`${prefix}pod_container_port_name`, port.name);
  labels.set(`${prefix}pod_container_port_number`, String(port.number));
  labels.set(`${prefix}pod_container_port_protocol`, port.protocol);
}

function setServiceLabels(labels: Pairs, service: ServiceRecord): void {
  labels.set(`${prefix}namespace`, service.namespace);
  labels.set(`${prefix}service_name`, service.name);
  labels.set(`${prefix}service_type`, service.type);
  if (service.type === 'ExternalName') labels.set(`${prefix}service_external_name`, service.externalName);
  else labels.set(`${prefix}service_cluster_ip`, service.clusterIp);
  if (service.loadBalancerIp !== '') labels.set(`${prefix}service_loadbalancer_ip`, service.loadBalancerIp);
  setFields(labels, 'service', service);
}

function setAddressLabels(labels: Pairs, address: EndpointAddress): void {
  labels.set(`${prefix}endpoint_ready`, String(address.isReady));
  if (address.hostname !== '') labels.set(`${prefix}endpoint_hostname`, address.hostname);
  if (address.nodeName !== '') labels.set(`${prefix}endpoint_node_name`, address.nodeName);
  if (address.targetKind === '') return;
  labels.set(`${prefix}endpoint_address_target_kind`, address.targetKind);
  labels.set(`${prefix}endpoint_address_target_name`, address.targetName);
}

/** The object's own labels and annotations. */
function setFields(labels: Pairs, role: string, object: Pick<PodRecord, 'labels' | 'annotations'>): void {
  for (const kind of ['label', 'annotation'] as const) {
    for (const [key, value] of Object.entries(object[`${kind}s`])) {
      labels.set(`${prefix}${role}_${kind}_${sanitize(key)}`, value);
      labels.set(`${prefix}${role}_${kind}present_${sanitize(key)}`, 'true');
    }
  }
}

function sanitize(key: string): string {
  return key.replace(/[^a-zA-Z0-9_]/g, '_');
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
