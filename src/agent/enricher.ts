/**
 * Puts on every resource of a request what is known of its sender: the pod's attributes and the labels of its targets.
 *
 * A sender that is not known yet may be a pod whose news is on its way: its request waits, unanswered, until the news
 * comes or the time is up. What is still unknown then goes on without, counted with the reason. An address that nobody
 * had after a whole wait is not waited for again for a while, unless a pod gets it.
 */
import type { Clock } from '../base/clock.ts';
import { type Associated, Associator, type MissReason, missReasons, type Sender } from './association.ts';
import { type AddedAttribute, addedAttribute } from './attributes.ts';
import type { TargetIndex } from './discovery/target-index.ts';
import type { PodAttributes } from './kubernetes/pod-attributes.ts';
import { normalizeIp, type PodRecord } from './kubernetes/pod-record.ts';
import { type ResourceSpansPiece, splitRequest, writeResourceSpans } from './rewrite-request.ts';

export interface KubernetesEnrichment {
  readonly associator: Associator;
  readonly attributes: PodAttributes;
  /** The first list of pods is there. */
  readonly isSynced: () => boolean;
}

export interface EnricherOptions {
  /** Unset: no cluster, only targets. */
  readonly kubernetes: KubernetesEnrichment | undefined;
  readonly targets: TargetIndex;
  /** Attributes put on everything. */
  readonly fixed: readonly AddedAttribute[];
  /** Added attributes replace what the sender says. */
  readonly override: boolean;
  readonly waitMsMax: number;
  readonly clock: Clock;
  /** The tenant of a resource, out of what it then says. */
  readonly tenantOf: (given: string, attribute: (name: string) => string | undefined) => string;
}

export interface EnricherCounters {
  spans: number;
  /** Spans whose pod was found. */
  found: number;
  /** Spans whose pod was not found, by reason. */
  readonly misses: Record<MissReason, number>;
  /** Requests that waited. */
  waits: number;
}

export interface Incoming {
  readonly body: Uint8Array;
  readonly tenant: string;
  readonly peerIp: string | undefined;
}

export interface Outgoing {
  readonly tenant: string;
  /** The request's bytes, one behind the other; views of the incoming body. */
  readonly parts: readonly Uint8Array[];
  readonly spanCount: number;
}

interface Resolved {
  readonly added: readonly AddedAttribute[];
  readonly miss: MissReason | undefined;
}

/** How long an address that nobody had is not waited for again. */
const unknownForMs = 60_000;
/** Beyond so many a stranger may wait again. */
const unknownMax = 10_000;

export class Enricher {
  readonly counters: EnricherCounters = {
    spans: 0,
    found: 0,
    misses: Object.fromEntries(missReasons.map((reason) => [reason, 0])) as Record<MissReason, number>,
    waits: 0,
  };
  readonly #options: EnricherOptions;
  readonly #kept = new WeakMap<PodRecord, { version: number; byContainer: Map<string, readonly AddedAttribute[]> }>();
  /** Peer and what it said of itself → when to wait for it again. */
  readonly #unknown = new Map<string, number>();
  #change = Promise.withResolvers<void>();

  constructor(options: EnricherOptions) {
    this.#options = options;
  }

  /**
   * Pods or targets are not what they were: whoever waits looks again.
   * @param isNews a pod or an address that was not there: whoever was waited for in vain may be it
   */
  changed(isNews: boolean): void {
    if (isNews) this.#unknown.clear();
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }

  /** The request with what is known, by tenant. @throws RubatoError invalid: the request is damaged */
  async enrich({ body, tenant, peerIp }: Incoming): Promise<Outgoing[]> {
    const { clock } = this.#options;
    const receivedMs = clock.nowMs();
    const pieces = splitRequest(body);
    const resolved: Resolved[] = [];
    let waited = false;
    for (const { attributes } of pieces) {
      const sender = { peerIp: peerIp === undefined ? undefined : normalizeIp(peerIp), attributes, receivedMs };
      const known = this.#resolve(sender);
      const mustWait = known.miss !== undefined && this.#mayWaitFor(sender, known.miss);
      if (mustWait && !waited) this.counters.waits++;
      waited ||= mustWait;
      resolved.push(mustWait ? await this.#wait(sender) : known);
    }
    const outgoing = this.#write(pieces, resolved, tenant);
    for (const [index, { spanCount }] of pieces.entries()) this.#count(spanCount, resolved[index]!.miss);
    return outgoing;
  }

  #count(spanCount: number, miss: MissReason | undefined): void {
    this.counters.spans += spanCount;
    if (this.#options.kubernetes === undefined) return;
    if (miss === undefined) this.counters.found += spanCount;
    else this.counters.misses[miss] += spanCount;
  }

  #mayWaitFor(sender: Sender, miss: MissReason): boolean {
    if (this.#options.waitMsMax === 0 || !Associator.mayStillCome(miss)) return false;
    const until = this.#unknown.get(senderKey(sender));
    return until === undefined || until < sender.receivedMs;
  }

  async #wait(sender: Sender): Promise<Resolved> {
    const { clock, waitMsMax } = this.#options;
    const over = new AbortController();
    const timeUp = clock.sleep(sender.receivedMs + waitMsMax - clock.nowMs(), over.signal).catch(() => undefined);
    let isTimeUp = false;
    void timeUp.then(() => (isTimeUp = true));
    try {
      for (;;) {
        const known = this.#resolve(sender);
        if (known.miss === undefined || !Associator.mayStillCome(known.miss)) return known;
        if (isTimeUp) {
          if (known.miss !== 'timeout') this.#remember(sender);
          return known;
        }
        await Promise.race([this.#change.promise, timeUp]);
      }
    } finally {
      over.abort();
    }
  }

  #remember(sender: Sender): void {
    if (this.#unknown.size >= unknownMax) this.#unknown.clear();
    this.#unknown.set(senderKey(sender), this.#options.clock.nowMs() + unknownForMs);
  }

  #resolve(sender: Sender): Resolved {
    const { kubernetes, targets, fixed } = this.#options;
    const found: Associated | undefined = kubernetes?.associator.find(sender);
    if (found !== undefined && 'pod' in found) {
      const container = sender.attributes.get('k8s.container.name') ?? containerById(found.pod, sender);
      return { added: this.#ofPod(found.pod, container), miss: undefined };
    }
    const labels = targets.labelsOf({ podUid: undefined, ip: sender.peerIp, container: undefined });
    const added = [...fixed, ...attributesOf(labels)];
    if (found === undefined) return { added, miss: undefined };
    const isBlind = Associator.mayStillCome(found.miss) && kubernetes?.isSynced() !== true;
    return { added, miss: isBlind ? 'timeout' : found.miss };
  }

  #ofPod(pod: PodRecord, container: string | undefined): readonly AddedAttribute[] {
    const { kubernetes, targets, fixed } = this.#options;
    let kept = this.#kept.get(pod);
    if (kept === undefined || kept.version !== targets.version) {
      kept = { version: targets.version, byContainer: new Map() };
      this.#kept.set(pod, kept);
    }
    const key = container ?? '';
    let added = kept.byContainer.get(key);
    if (added === undefined) {
      const labels = targets.labelsOf({ podUid: pod.uid, ip: pod.hostNetwork ? undefined : pod.ips[0], container });
      const all = [...fixed, ...kubernetes!.attributes.of(pod, container), ...attributesOf(labels)];
      added = uniqueKeys(all);
      // A sender may name any container; only the pod's own are kept.
      if (key === '' || pod.containers.some(({ name }) => name === key)) kept.byContainer.set(key, added);
    }
    return added;
  }

  #write(pieces: readonly ResourceSpansPiece[], resolved: readonly Resolved[], given: string): Outgoing[] {
    const { override, tenantOf } = this.#options;
    const byTenant = new Map<string, { parts: Uint8Array[]; spanCount: number }>();
    for (const [index, piece] of pieces.entries()) {
      const { added } = resolved[index]!;
      const attribute = (name: string): string | undefined => {
        const theirs = piece.attributes.get(name);
        const value = added.find(({ key }) => key === name)?.value;
        const ours = value?.type === 'string' ? value.value : undefined;
        return override ? (ours ?? theirs) : (theirs ?? ours);
      };
      const tenant = tenantOf(given, attribute);
      let out = byTenant.get(tenant);
      if (out === undefined) byTenant.set(tenant, (out = { parts: [], spanCount: 0 }));
      writeResourceSpans(piece, added, override, out.parts);
      out.spanCount += piece.spanCount;
    }
    return Array.from(byTenant, ([tenant, out]) => ({ tenant, ...out }));
  }
}

function attributesOf(labels: ReadonlyMap<string, string>): AddedAttribute[] {
  return [...labels].map(([name, value]) => addedAttribute(name, value));
}

/** The first of two with one name: what is fixed before what the cluster says before labels. */
function uniqueKeys(attributes: readonly AddedAttribute[]): AddedAttribute[] {
  const keys = new Set<string>();
  return attributes.filter(({ key }) => {
    if (keys.has(key)) return false;
    keys.add(key);
    return true;
  });
}

function containerById(pod: PodRecord, sender: Sender): string | undefined {
  const id = sender.attributes.get('container.id');
  return id === undefined ? undefined : pod.containers.find((container) => container.id === id)?.name;
}

function senderKey({ peerIp, attributes }: Sender): string {
  const says = ['k8s.pod.uid', 'k8s.pod.ip', 'k8s.pod.name', 'k8s.namespace.name'].map((name) => attributes.get(name));
  return [peerIp, ...says].join('\0');
}
