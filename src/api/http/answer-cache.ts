/**
 * Whole answers, encoded, for those who ask the same again while nothing new has come in: a dashboard that refreshes, ten
 * people who look at the same page. An answer is kept under its request and the version of the snapshot that was there
 * before it was made; any change of the tenant's data changes the version.
 *
 * `Cache-Control: no-cache` on a request passes the cache by.
 */
import { LruCache } from '../../base/lru-cache.ts';
import { canonical } from '../../traceql/canonical.ts';
import type { QueryEngine, TimeRange } from '../../traceql/result.ts';
import { gzipped, type Reply } from './reply.ts';
import type { TenantCall } from './route.ts';

/** What stands for a request: two that are equal have the same answer over the same data. */
interface Asked {
  readonly tenant: string;
  readonly range: TimeRange;
}

export class AnswerCache {
  readonly #engine: Pick<QueryEngine, 'version'>;
  readonly #kept: LruCache | undefined;

  /** `bytesMax` 0 keeps nothing. */
  constructor(engine: Pick<QueryEngine, 'version'>, bytesMax: number) {
    this.#engine = engine;
    this.#kept = bytesMax === 0 ? undefined : new LruCache(bytesMax);
  }

  /** The kept answer, or a new one. `form` names the route and how the answer is written. */
  async reply(call: TenantCall, asked: Asked, form: readonly unknown[], make: () => Promise<Reply>): Promise<Reply> {
    const kept = this.#kept;
    if (kept === undefined || call.request.headers['cache-control'] === 'no-cache') return make();
    const version = await this.#engine.version(asked, call.signal);
    const key = canonical([version, call.accept, form, asked]);
    const known = kept.get(key) as Reply | undefined;
    if (known !== undefined) return known;
    const reply = await make();
    const { body } = reply;
    if (!(body instanceof Uint8Array)) return reply;
    let compressed: Promise<Uint8Array> | undefined;
    const answer: Reply = { ...reply, gzipped: () => (compressed ??= gzipped(body)) };
    // Compressed, too, once somebody takes it so: a tenth, seldom more.
    kept.set(key, answer, Math.ceil(body.length * 1.2));
    return answer;
  }
}
