/**
 * The targets of all scrape_configs after relabelling, by the pod or the address that spans come from.
 *
 * A pod is as many targets as it has ports and containers. A span comes from the pod, so it gets the labels on which all
 * targets of the pod (of its container, where that is known) agree; a label on which they differ would be a guess.
 */
import { isIP } from 'node:net';
import { normalizeIp } from '../kubernetes/pod-record.ts';
import { publicLabels, type RelabelRule, relabel } from '../relabel.ts';
import type { DiscoveredTarget } from './target.ts';

export interface IndexedTarget {
  readonly job: string;
  readonly address: string;
  readonly podUid: string | undefined;
  readonly container: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
}

export interface JobCounts {
  targets: number;
  /** By relabelling. */
  dropped: number;
}

interface Group {
  readonly targets: readonly IndexedTarget[];
  readonly dropped: number;
}

export class TargetIndex {
  readonly #groups = new Map<string, Group>();
  readonly #byPod = new Map<string, IndexedTarget[]>();
  readonly #byIp = new Map<string, IndexedTarget[]>();
  /** Moves on with every change. */
  version = 0;

  /** @param source unique within the job */
  setGroup(job: string, source: string, targets: readonly DiscoveredTarget[], rules: readonly RelabelRule[]): void {
    const key = `${job}\0${source}`;
    const before = this.#groups.get(key);
    if (before === undefined && targets.length === 0) return;
    for (const target of before?.targets ?? []) this.#unlink(target);
    this.version++;
    if (targets.length === 0) {
      this.#groups.delete(key);
      return;
    }
    const kept: IndexedTarget[] = [];
    for (const { labels, podUid, container } of targets) {
      const relabelled = relabel(labels, rules);
      if (relabelled === undefined) continue;
      const address = relabelled.get('__address__') ?? '';
      kept.push({ job, address, podUid, container, labels: publicLabels(relabelled) });
    }
    this.#groups.set(key, { targets: kept, dropped: targets.length - kept.length });
    for (const target of kept) this.#link(target);
  }

  /** Labels for spans of a pod, or of an address that is no pod's. */
  labelsOf(sender: {
    readonly podUid: string | undefined;
    readonly ip: string | undefined;
    readonly container: string | undefined;
  }): ReadonlyMap<string, string> {
    const found = [
      ...(sender.podUid === undefined ? [] : (this.#byPod.get(sender.podUid) ?? [])),
      ...(sender.ip === undefined ? [] : (this.#byIp.get(sender.ip) ?? [])),
    ];
    const { container } = sender;
    const ours = found.filter((t) => container === undefined || t.container === undefined || t.container === container);
    return agreedLabels(ours);
  }

  hasAddress(ip: string): boolean {
    return this.#byIp.has(ip);
  }

  *targets(): Generator<IndexedTarget> {
    for (const { targets } of this.#groups.values()) yield* targets;
  }

  counts(): Map<string, JobCounts> {
    const counts = new Map<string, JobCounts>();
    for (const [key, { targets, dropped }] of this.#groups) {
      const job = key.slice(0, key.indexOf('\0'));
      const count = counts.get(job) ?? { targets: 0, dropped: 0 };
      count.targets += targets.length;
      count.dropped += dropped;
      counts.set(job, count);
    }
    return counts;
  }

  #link(target: IndexedTarget): void {
    const [map, key] = this.#place(target);
    if (key === undefined) return;
    const list = map.get(key);
    if (list === undefined) map.set(key, [target]);
    else list.push(target);
  }

  #unlink(target: IndexedTarget): void {
    const [map, key] = this.#place(target);
    if (key === undefined) return;
    const list = map.get(key)!.filter((other) => other !== target);
    if (list.length === 0) map.delete(key);
    else map.set(key, list);
  }

  /** A pod's targets are found by the pod, which knows when an address is its own. */
  #place({ podUid, address }: IndexedTarget): [Map<string, IndexedTarget[]>, string | undefined] {
    return podUid === undefined ? [this.#byIp, ipOf(address)] : [this.#byPod, podUid];
  }
}

function agreedLabels(targets: readonly IndexedTarget[]): ReadonlyMap<string, string> {
  const [first, ...others] = targets;
  if (first === undefined) return new Map();
  if (others.length === 0) return first.labels;
  const agreed = new Map<string, string>();
  for (const { labels } of targets)
    for (const [name, value] of labels)
      if (targets.every((target) => (target.labels.get(name) ?? value) === value)) agreed.set(name, value);
  return agreed;
}

/** The host of `host:port`, when it is an address; names are not looked up. */
function ipOf(address: string): string | undefined {
  const host = /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? (isIP(address) ? address : address.replace(/:\d+$/, ''));
  return isIP(host) ? normalizeIp(host) : undefined;
}
