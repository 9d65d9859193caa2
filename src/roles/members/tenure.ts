/**
 * A writer's right to its id. As long as it holds, nobody else touches the writer's segments; whoever takes the writer
 * for dead ends it by putting a seal, and only then reads what there is.
 *
 *   writer    put segment ──► look for the seal ──► not there: acknowledge
 *   adopter   put the seal ──► list segments ──► build blocks, commit, delete
 *
 * Either the segment was there before the adopter's listing, and is adopted, or the seal was there before the writer
 * looked, and the segment is not acknowledged. No clock is part of this. Clocks only bound for how long seals must be
 * kept: a writer that could not renew its member object for `trustMs` gives up by itself.
 */
import type { Clock } from '../../base/clock.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { isKind, type ObjectStore } from '../../objectstore/object-store.ts';
import { encodeMember, encodeSeal, type Member, memberKey, sealKey } from './member-keys.ts';

export interface TenureOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly writer: string;
  readonly member: Member;
  readonly renewMs: number;
  /** The id is lost: the writer must go on with another one. Called once, before anything learns of it by an error. */
  readonly onLost: (reason: string) => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** A tenure that was not renewed for so long is over. Far below the hour that passes before a seal is removed. */
export const trustMs = 10 * 60_000;

export class Tenure {
  readonly #options: TenureOptions;
  readonly #abort = new AbortController();
  #renewedMs = Number.NEGATIVE_INFINITY;
  #lost: RubatoError | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: TenureOptions) {
    this.#options = options;
  }

  /** Others can find the writer when this resolves. */
  async begin(): Promise<void> {
    await this.#renew();
    this.#renewing = this.#keep();
  }

  /** Resolves when the id was still this writer's at some moment during the call. @throws kind `conflict`, or the store's */
  async confirm(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    const { store, clock, writer } = this.#options;
    try {
      await store.get(sealKey(writer));
    } catch (error) {
      if (!isKind(error, ErrorKind.notFound)) throw error;
      const ageMs = clock.nowMs() - this.#renewedMs;
      if (ageMs <= trustMs) return;
      throw this.#lose(`its member object could not be renewed for ${Math.round(ageMs / 1000)} s`);
    }
    throw this.#lose('another process took it for dead');
  }

  /** Hands everything that the writer has in segments to others: they need not wait to be sure that it is gone. */
  async seal(): Promise<void> {
    await this.#stop();
    await sealWriter(this.#options.store, this.#options.writer, this.#options.clock.nowMs());
  }

  /** The writer has no segments left, and nobody need know of it. */
  async end(): Promise<void> {
    await this.#stop();
    await this.#options.store.delete(memberKey(this.#options.writer));
  }

  async #stop(): Promise<void> {
    this.#abort.abort();
    await this.#renewing;
  }

  async #keep(): Promise<void> {
    const { clock, renewMs, log, writer } = this.#options;
    const { signal } = this.#abort;
    for (;;) {
      await clock.sleep(renewMs, signal).catch(() => undefined);
      if (signal.aborted || this.#lost !== undefined) return;
      try {
        await this.confirm();
        await this.#renew();
      } catch (error) {
        if (this.#lost === undefined) log.warn({ writer, reason: String(error) }, 'the member object was not renewed');
      }
    }
  }

  async #renew(): Promise<void> {
    const { store, clock, writer, member } = this.#options;
    const nowMs = clock.nowMs();
    await store.put(memberKey(writer), encodeMember(member, nowMs));
    this.#renewedMs = nowMs;
  }

  #lose(reason: string): RubatoError {
    this.#abort.abort();
    this.#lost = new RubatoError(ErrorKind.conflict, 'writer_sealed', `this writer's id is lost: ${reason}`);
    this.#options.onLost(reason);
    return this.#lost;
  }
}

/** Ends a writer's tenure, whoever asks. A seal that is there already stays as it is. */
export async function sealWriter(store: ObjectStore, writer: string, nowMs: number): Promise<void> {
  try {
    await store.put(sealKey(writer), encodeSeal(nowMs), { ifAbsent: true });
  } catch (error) {
    if (!isKind(error, ErrorKind.conflict)) throw error;
  }
}
