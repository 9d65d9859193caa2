/**
 * Is this store fit to hold data? Asked once, at the start, because everything rests on put-if-absent: a service that
 * ignores the condition would let two processes overwrite each other's commits without a word.
 */
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { type Rng, randomHex } from '../base/random.ts';
import { isKind, type ObjectStore } from './object-store.ts';

/** Objects of this folder mean nothing; one is left when a process is killed during the check. */
const probePrefix = 'probes/';
const racerCount = 4;

/** What the words of {@link StoreAdvice} are about. */
export interface StoreAdvice {
  /** `bucket traces at http://…` */
  readonly store: string;
  /** What to look at, by the code of the error. */
  readonly hints: Readonly<Record<string, string>>;
}

/** @throws RubatoError config when the store cannot be used, with what to do about it */
export async function checkStore(store: ObjectStore, rng: Rng, advice: StoreAdvice): Promise<void> {
  const key = `${probePrefix}${randomHex(rng, 16)}`;
  try {
    const bodies = Array.from({ length: racerCount }, () => new TextEncoder().encode(randomHex(rng, 16)));
    const outcomes = await Promise.allSettled(bodies.map((body) => store.put(key, body, { ifAbsent: true })));
    const winners = bodies.filter((_, i) => outcomes[i]!.status === 'fulfilled');
    for (const outcome of outcomes)
      if (outcome.status === 'rejected' && !isKind(outcome.reason, ErrorKind.conflict)) throw outcome.reason;
    if (winners.length !== 1) throw noCondition(advice, winners.length);
    const stored = await store.get(key);
    if (!Buffer.from(winners[0]!).equals(stored)) throw noCondition(advice, winners.length);
    // The permission to list is what is tried.
    await store.list(probePrefix, { limit: 1 })[Symbol.asyncIterator]().next();
    await store.delete(key);
  } catch (error) {
    await store.delete(key).catch(() => undefined);
    if (isKind(error, ErrorKind.config)) throw error;
    throw unusable(advice, error);
  }
}

function noCondition({ store }: StoreAdvice, winners: number): RubatoError {
  const message =
    `${store} has no put-if-absent: of ${racerCount} conditional writes of one object ${winners} succeeded. ` +
    'Rubato would lose data on it. Use a service or version that honours conditional writes (If-None-Match: * on S3)';
  return new RubatoError(ErrorKind.config, 'no_conditional_put', message);
}

function unusable({ store, hints }: StoreAdvice, error: unknown): RubatoError {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof RubatoError ? hints[error.code] : undefined;
  const text = `${store} cannot be used: ${message}${hint === undefined ? '' : `. ${hint}`}`;
  return new RubatoError(ErrorKind.config, 'store_unusable', text, error);
}
