/**
 * How often an address may fail to say who it is. After `failuresMax` failures within `windowMs` it is told to come back
 * later, until the window has passed. An address is an IPv4 address or an IPv6 network of 64 bits, which is what one
 * customer of a provider gets at least.
 */
import type { Clock } from '../base/clock.ts';
import { ExhaustedError } from '../base/errors.ts';

export interface FailureLimits {
  readonly failuresMax: number;
  readonly windowMs: number;
}

interface Failures {
  count: number;
  readonly sinceMs: number;
}

/** Addresses that are remembered; who commands more of them than this finds the cost of hashing instead. */
const addressesMax = 10_000;

export class FailureLimiter {
  readonly #limits: FailureLimits;
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  constructor(limits: FailureLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Counts one failure, which may be taken back: two tries at once must not both pass as the last. */
  fail(address: string): void {
    const key = networkOf(address);
    const known = this.#current(key);
    if (known !== undefined) {
      known.count++;
      return;
    }
    this.#failures.delete(key);
    this.#failures.set(key, { count: 1, sinceMs: this.#clock.nowMs() });
    if (this.#failures.size > addressesMax) this.#failures.delete(this.#failures.keys().next().value!);
  }

  /** It was none after all. */
  takeBack(address: string): void {
    const known = this.#current(networkOf(address));
    if (known !== undefined && known.count > 0) known.count--;
  }

  /** @throws ExhaustedError when there were too many */
  check(address: string): void {
    const known = this.#current(networkOf(address));
    if (known === undefined || known.count < this.#limits.failuresMax) return;
    const restMs = known.sinceMs + this.#limits.windowMs - this.#clock.nowMs();
    throw new ExhaustedError('too_many_failures', 'too many failed attempts to authenticate', Math.max(restMs, 1000));
  }

  #current(key: string): Failures | undefined {
    const known = this.#failures.get(key);
    const nowMs = this.#clock.nowMs();
    return known === undefined || nowMs - known.sinceMs >= this.#limits.windowMs ? undefined : known;
  }
}

/** IPv4 in either notation as it is; IPv6 by its first 64 bits. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.toLowerCase().split('%', 1)[0]!.split('::');
  const first = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...first, ...Array<string>(Math.max(0, 8 - first.length - rest.length)).fill('0'), ...rest];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
