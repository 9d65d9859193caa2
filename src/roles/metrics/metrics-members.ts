/**
 * Which metrics processes live, each by a small object that it replaces regularly:
 *
 *   members/metrics/<id>   JSON: when it was renewed
 *
 * One whose object has not changed for long, as this process saw it, is dead. That two processes disagree about it does no
 * harm: `shard-record.ts`.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind } from '../../base/errors.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';

const membersPrefix = 'members/metrics/';

export interface MetricsMembersOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly id: string;
  readonly deadAfterMs: number;
}

export class MetricsMembers {
  readonly #options: MetricsMembersOptions;
  #renewals = 0;
  /** What was seen of the others when it last changed. */
  readonly #signs = new Map<string, { readonly sign: string; readonly sinceMs: number }>();

  constructor(options: MetricsMembersOptions) {
    this.#options = options;
  }

  /** Says that this process lives. */
  async renew(): Promise<void> {
    const { store, clock, id } = this.#options;
    const member = { renewedUnixMs: clock.nowMs(), renewals: ++this.#renewals };
    await store.put(membersPrefix + id, new TextEncoder().encode(JSON.stringify(member)));
  }

  /** Ids of those that live, in order. This process is one of them. */
  async live(): Promise<string[]> {
    const { store, clock, id, deadAfterMs } = this.#options;
    const found = new Set<string>([id]);
    const nowMs = clock.nowMs();
    for await (const { key } of store.list(membersPrefix)) {
      const other = key.slice(membersPrefix.length);
      if (other === id) continue;
      const sign = await this.#sign(key);
      if (sign === undefined) continue;
      const known = this.#signs.get(other);
      if (known?.sign !== sign) this.#signs.set(other, { sign, sinceMs: nowMs });
      else if (nowMs - known.sinceMs >= deadAfterMs) continue;
      found.add(other);
    }
    return [...found].sort();
  }

  async leave(): Promise<void> {
    await this.#options.store.delete(membersPrefix + this.#options.id);
  }

  async #sign(key: string): Promise<string | undefined> {
    try {
      return new TextDecoder().decode(await this.#options.store.get(key));
    } catch (error) {
      if (isKind(error, ErrorKind.notFound)) return undefined;
      throw error;
    }
  }
}
