/**
 * A writer in a cluster may be taken for dead while it lives: paused for too long, or cut off from the store. Its segments
 * are others' business from that moment on, and its id is gone for good. All that is bound to an id is a session; when one
 * is lost it is dropped as it stands and the next one begins, in the same process and behind the same receivers.
 *
 *   session 1: joining ──► taking spans ──► lost: unanswered requests are refused, live tables dropped
 *                                             │ what was acknowledged is in segments, and adopted by whoever sealed them
 *                                             ▼
 *   session 2: joining (pushes are refused) ──► taking spans
 *
 * Readers beside it go on without a gap: a view names the session that it is of, and what is of any other comes out of
 * the store (`../tail/`).
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { SegmentWriter } from '../../wal/segment-writer.ts';
import type { Tenure } from '../members/tenure.ts';
import type { RecentSegments } from '../tail/recent-segments.ts';
import type { Ingest, PushOptions } from './ingest.ts';
import type { Writer } from './writer.ts';

/** Everything that is bound to one writer id. */
export interface WriteSession {
  readonly id: string;
  readonly writer: Writer;
  readonly segments: SegmentWriter;
  /** Undefined when the process is alone over its store. */
  readonly tenure: Tenure | undefined;
  /** For those who follow; undefined when the process is alone. */
  readonly recent: RecentSegments | undefined;
}

export interface WriteSessionsOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  /** Makes a session that nobody knows of yet. Its tenure reports to `onLost`. */
  readonly create: (id: string, onLost: (reason: string) => void) => WriteSession;
  /** From when its member object is there until every reader that answers queries knows it, ms. */
  readonly announceMs: number;
  /** There is another session, and readers must look again. */
  readonly onReplaced: (id: string) => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** Pause before another try to join; doubles up to the bound. */
const rejoinMs = { first: 500, max: 10_000 };

export class WriteSessions implements Ingest {
  readonly #options: WriteSessionsOptions;
  readonly #abort = new AbortController();
  #current: WriteSession;
  #isJoined = false;
  #rejoining: Promise<void> = Promise.resolve();

  constructor(firstId: string, options: WriteSessionsOptions) {
    this.#options = options;
    this.#current = this.#create(firstId);
  }

  get current(): WriteSession {
    return this.#current;
  }

  /** Resolves when every reader that answers queries knows of this writer, and pushes are taken. */
  async join(): Promise<void> {
    const session = this.#current;
    if (session.tenure !== undefined) {
      await session.tenure.begin();
      await this.#options.clock.sleep(this.#options.announceMs, this.#abort.signal);
    }
    // Lost meanwhile: the next session joins by itself.
    if (this.#current === session) this.#isJoined = true;
  }

  async push(tenant: string, body: Uint8Array, options: PushOptions): Promise<void> {
    if (!this.#isJoined)
      throw new RubatoError(ErrorKind.unavailable, 'writer_joining', 'the writer is joining the cluster; try again');
    await this.#current.writer.push(tenant, body, options);
  }

  /** No session begins any more; resolves when the current one is not about to change. */
  async end(): Promise<void> {
    this.#abort.abort();
    await this.#rejoining;
  }

  #create(id: string): WriteSession {
    const session = this.#options.create(id, (reason) => this.#lost(session, reason));
    return session;
  }

  #lost(session: WriteSession, reason: string): void {
    if (this.#current !== session) return;
    const { log, newId, onReplaced } = this.#options;
    this.#isJoined = false;
    session.segments.abandon(
      new RubatoError(ErrorKind.unavailable, 'writer_lost', 'this writer was taken for dead; send the request again'),
    );
    session.writer.abandon();
    if (this.#abort.signal.aborted) return;
    this.#current = this.#create(newId());
    log.warn(
      { writer: session.id, reason, next: this.#current.id },
      'this writer was taken for dead; it goes on with another id, and what it had acknowledged is in segments',
    );
    onReplaced(this.#current.id);
    this.#rejoining = this.#rejoin(this.#current);
  }

  /** Never rejects. */
  async #rejoin(session: WriteSession): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#abort;
    for (let pauseMs = rejoinMs.first; !signal.aborted && this.#current === session; ) {
      try {
        return await this.join();
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ writer: session.id, reason: String(error), pauseMs }, 'the writer cannot join; will try again');
        await clock.sleep(pauseMs, signal).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, rejoinMs.max);
      }
    }
  }
}
