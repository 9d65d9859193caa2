/**
 * Pods by address, uid, and name, as they were at a given time. Kubernetes gives the address of a pod that ended to the
 * next one, so an address belongs, at the time of a request, to the pod that had started by then, had not ended, and is
 * the youngest of those. A pod that ended is kept for a while: its last spans may still be waiting here.
 *
 * Starts are known to the second. Within the second in which an address went from one pod to the next nobody can say
 * whose a request is, and nobody does.
 */
import { isOver, type PodRecord, timeStepMs } from './pod-record.ts';

interface Entry {
  record: PodRecord;
  /** When it was over; undefined while it runs. */
  endedMs: number | undefined;
}

/** How long requests of a pod that ended may come by way of queues and other agents. */
const keptAfterEndMs = 10 * 60_000;

export class PodIndex {
  readonly #byUid = new Map<string, Entry>();
  readonly #byIp = new Map<string, Entry[]>();
  /** Key: namespace/name. A StatefulSet's pods come again under the same name. */
  readonly #byName = new Map<string, Entry[]>();
  readonly #byContainer = new Map<string, Entry>();
  /** Addresses of nodes, with the number of records that say so. */
  readonly #nodeIps = new Map<string, number>();

  get size(): number {
    return this.#byUid.size;
  }

  records(): PodRecord[] {
    return [...this.#byUid.values()].filter(({ endedMs }) => endedMs === undefined).map(({ record }) => record);
  }

  /** True when the pod, or an address of it, was not there before. */
  set(record: PodRecord, nowMs: number): boolean {
    const known = this.#byUid.get(record.uid);
    if (known !== undefined) this.#unlink(known);
    // The API forgets the address of a pod that is over; requests that it sent before are still its own.
    const ips = record.ips.length === 0 && known !== undefined ? known.record.ips : record.ips;
    const kept = ips === record.ips ? record : { ...record, ips };
    const endedMs = isOver(record) ? (known?.endedMs ?? record.finishedMs ?? nowMs) : undefined;
    this.#link({ record: kept, endedMs });
    return known === undefined || ips.some((ip) => !known.record.ips.includes(ip));
  }

  /** The API says that it is gone. */
  end(uid: string, nowMs: number): void {
    const entry = this.#byUid.get(uid);
    if (entry !== undefined) entry.endedMs ??= nowMs;
  }

  /** A complete list: what is not in it is gone. */
  replaceAll(records: readonly PodRecord[], nowMs: number): void {
    const uids = new Set(records.map(({ uid }) => uid));
    for (const uid of this.#byUid.keys()) if (!uids.has(uid)) this.end(uid, nowMs);
    for (const record of records) this.set(record, nowMs);
  }

  /** Forgets what ended long ago. */
  sweep(nowMs: number): void {
    for (const entry of [...this.#byUid.values()])
      if (entry.endedMs !== undefined && entry.endedMs + keptAfterEndMs < nowMs) this.#unlink(entry);
  }

  byUid(uid: string): PodRecord | undefined {
    return this.#byUid.get(uid)?.record;
  }

  byContainerId(id: string): PodRecord | undefined {
    return this.#byContainer.get(id)?.record;
  }

  byName(namespace: string, name: string, atMs: number): PodRecord | 'ambiguous' | undefined {
    return ownerAt(this.#byName.get(`${namespace}/${name}`), atMs);
  }

  byIp(ip: string, atMs: number): PodRecord | 'ambiguous' | undefined {
    return ownerAt(this.#byIp.get(ip), atMs);
  }

  /** An address that all host-network pods of a node share. */
  isNodeIp(ip: string): boolean {
    return this.#nodeIps.has(ip);
  }

  #link(entry: Entry): void {
    const { record } = entry;
    this.#byUid.set(record.uid, entry);
    add(this.#byName, `${record.namespace}/${record.name}`, entry);
    if (!record.hostNetwork) for (const ip of record.ips) add(this.#byIp, ip, entry);
    for (const ip of nodeIpsOf(record)) this.#nodeIps.set(ip, (this.#nodeIps.get(ip) ?? 0) + 1);
    for (const { id } of record.containers) if (id !== '') this.#byContainer.set(id, entry);
  }

  #unlink(entry: Entry): void {
    const { record } = entry;
    this.#byUid.delete(record.uid);
    remove(this.#byName, `${record.namespace}/${record.name}`, entry);
    if (!record.hostNetwork) for (const ip of record.ips) remove(this.#byIp, ip, entry);
    for (const ip of nodeIpsOf(record)) {
      const left = this.#nodeIps.get(ip)! - 1;
      if (left === 0) this.#nodeIps.delete(ip);
      else this.#nodeIps.set(ip, left);
    }
    for (const { id } of record.containers) if (this.#byContainer.get(id) === entry) this.#byContainer.delete(id);
  }
}

function nodeIpsOf({ hostIp, hostNetwork, ips }: PodRecord): Set<string> {
  const all = new Set(hostNetwork ? ips : []);
  if (hostIp !== '') all.add(hostIp);
  return all;
}

function ownerAt(entries: readonly Entry[] | undefined, atMs: number): PodRecord | 'ambiguous' | undefined {
  let owner: PodRecord | undefined;
  let claims = 0;
  let isTie = false;
  for (const { record, endedMs } of entries ?? []) {
    const startedMs = record.startedMs ?? Number.POSITIVE_INFINITY;
    if (startedMs > atMs || (endedMs !== undefined && endedMs < atMs)) continue;
    claims++;
    if (owner === undefined || startedMs > owner.startedMs!) {
      owner = record;
      isTie = false;
    } else if (startedMs === owner.startedMs) isTie = true;
  }
  return isTie || (claims > 1 && atMs < owner!.startedMs! + timeStepMs) ? 'ambiguous' : owner;
}

function add(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.push(entry);
}

function remove(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const list = map.get(key)!.filter((other) => other !== entry);
  if (list.length === 0) map.delete(key);
  else map.set(key, list);
}
