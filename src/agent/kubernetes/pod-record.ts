/**
 * What is kept of a pod: a tenth of its JSON, so that the pods of a large cluster fit into a small collector. Records
 * are immutable; a change of the pod is a new record.
 */
import type { V1Container, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

export interface PodRecord {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Empty until the pod is scheduled. */
  readonly nodeName: string;
  /** The pod has no address of its own: it is the node's. */
  readonly hostNetwork: boolean;
  readonly phase: string;
  /** As the condition says: true, false, unknown. */
  readonly ready: string;
  /** Empty until the pod has one; two with dual stack. */
  readonly ips: readonly string[];
  readonly hostIp: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The controller. */
  readonly owner: { readonly kind: string; readonly name: string } | undefined;
  /**
   * When its first container started, or until then when its node took it on; Unix ms, rounded down to seconds by the
   * API. No span of it is older.
   */
  readonly startedMs: number | undefined;
  /** When its last container ended, for pods that are over; rounded up. */
  readonly finishedMs: number | undefined;
  readonly containers: readonly ContainerRecord[];
}

export interface ContainerRecord {
  readonly name: string;
  readonly image: string;
  /** Without the runtime's scheme (`containerd://`); empty until it runs. */
  readonly id: string;
  readonly runtimeScheme: string;
  readonly isInit: boolean;
  readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
}

/** kubectl's copy of the whole manifest says nothing new and is often larger than the rest. */
const leftOutAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** @param pod as the API's JSON has it: times are still text */
export function podRecord(pod: V1Pod): PodRecord {
  const { metadata = {}, spec, status = {} } = pod;
  const { [leftOutAnnotation]: _, ...annotations } = metadata.annotations ?? {};
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const ips = status.podIPs?.map(({ ip }) => ip) ?? [];
  if (ips.length === 0 && status.podIP) ips.push(status.podIP);
  const containers = spec?.containers ?? [];
  const started = [status.containerStatuses, status.initContainerStatuses].flatMap((list) => list ?? []);
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
  return {
    uid: metadata.uid ?? '',
    name: metadata.name ?? '',
    namespace: metadata.namespace ?? '',
    nodeName: spec?.nodeName ?? '',
    hostNetwork: spec?.hostNetwork === true,
    phase: status.phase ?? 'Unknown',
    ready: status.conditions?.find(({ type }) => type === 'Ready')?.status.toLowerCase() ?? 'unknown',
    ips: ips.map(normalizeIp),
    hostIp: normalizeIp(status.hostIP ?? ''),
    labels: metadata.labels ?? {},
    annotations,
    owner: owner && { kind: owner.kind, name: owner.name },
    startedMs: firstStart(started) ?? timeMs(status.startTime),
    finishedMs: isOver ? lastEnd(status.containerStatuses ?? []) : undefined,
    containers: [
      ...containers.map((container) => containerRecord(container, false, started)),
      ...(spec?.initContainers ?? []).map((container) => containerRecord(container, true, started)),
    ],
  };
}

export function isOver({ phase }: PodRecord): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** An IPv4 address that came over a dual-stack socket is the IPv4 address. */
export function normalizeIp(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip;
}

function containerRecord(
  { name, image = '', ports = [] }: V1Container,
  isInit: boolean,
  started: readonly V1ContainerStatus[],
): ContainerRecord {
  const runtimeId = started.find((status) => status.name === name)?.containerID ?? '';
  const schemeEnd = runtimeId.includes('://') ? runtimeId.indexOf('://') + 3 : 0;
  return {
    name,
    image,
    id: runtimeId.slice(schemeEnd),
    runtimeScheme: runtimeId.slice(0, schemeEnd),
    isInit,
    ports: ports.map((port) => ({
      name: port.name ?? '',
      number: port.containerPort,
      protocol: port.protocol ?? 'TCP',
    })),
  };
}

function timeMs(time: Date | string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : new Date(time).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

/** The API's times are whole seconds. */
export const timeStepMs = 1000;

function firstStart(statuses: readonly V1ContainerStatus[]): number | undefined {
  let first: number | undefined;
  for (const { state, lastState } of statuses) {
    for (const { running, terminated } of [state ?? {}, lastState ?? {}]) {
      const ms = timeMs(running?.startedAt ?? terminated?.startedAt);
      if (ms !== undefined && (first === undefined || ms < first)) first = ms;
    }
  }
  return first;
}

function lastEnd(statuses: readonly V1ContainerStatus[]): number | undefined {
  let last: number | undefined;
  for (const { state } of statuses) {
    const ms = timeMs(state?.terminated?.finishedAt);
    if (ms !== undefined && (last === undefined || ms > last)) last = ms;
  }
  return last === undefined ? undefined : last + timeStepMs - 1;
}
