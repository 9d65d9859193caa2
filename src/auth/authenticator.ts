/**
 * Finds out who makes a request, by what it shows:
 *
 *   Authorization: Bearer <token of the configuration>  → SHA-256, looked up
 *   Authorization: Bearer <JWT>                         → jwt.ts
 *   Authorization: Basic <user:password>                → scrypt, no more than a few at a time
 *   the header of a trusted proxy, without those above  → trusted-proxy.ts
 *
 * What was expensive to find out is remembered for a while under a keyed hash of the credential, so that a client pays for
 * it once and memory holds no credentials. Who fails too often is told to wait, before anything expensive is done; a
 * credential that is remembered, or a token, is good at any time, so nobody can lock out his neighbours.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ExhaustedError } from '../base/errors.ts';
import { FailureLimiter, type FailureLimits } from './failures.ts';
import type { JwtVerifier } from './jwt.ts';
import { isPassword, nobodysHash, type PasswordHash } from './password-hash.ts';
import { type Authentication, type Caller, type Principal, UnauthenticatedError } from './principal.ts';
import { hashToken, mayBeToken } from './token-hash.ts';
import type { TrustedProxy } from './trusted-proxy.ts';

export interface AuthenticatorOptions {
  /** By hash, as `hashToken` makes it. */
  readonly tokens: ReadonlyMap<string, Principal>;
  /** By name. */
  readonly users: ReadonlyMap<string, { readonly hash: PasswordHash; readonly principal: Principal }>;
  readonly jwt: JwtVerifier | undefined;
  readonly proxy: TrustedProxy | undefined;
  readonly failures: FailureLimits;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

interface Remembered {
  readonly principal: Promise<Principal | undefined>;
  untilMs: number;
}

/** A password that was good is good for so long, whatever the configuration says then; a token for less. */
const passwordMs = 5 * 60_000;
const jwtMs = 60_000;
const rememberedMax = 10_000;
/** Passwords that are hashed at once, at 32 MiB each, and that wait for it. */
const hashingMax = 2;
const waitingMax = 32;

export class Authenticator implements Authentication {
  readonly #options: AuthenticatorOptions;
  readonly #limiter: FailureLimiter;
  readonly #challenges: readonly string[];
  readonly #key = randomBytes(32);
  readonly #remembered = new Map<string, Remembered>();
  #hashing = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#limiter = new FailureLimiter(options.failures, options.clock);
    const bearer = options.tokens.size > 0 || options.jwt !== undefined;
    this.#challenges = [
      ...(options.users.size > 0 ? ['Basic realm="rubato", charset="UTF-8"'] : []),
      // There must be one, also where a proxy is all that is believed.
      ...(bearer || options.users.size === 0 ? ['Bearer realm="rubato"'] : []),
    ];
  }

  async authenticate(caller: Caller): Promise<Principal> {
    const { proxy } = this.#options;
    const header = caller.headers.authorization;
    const isProxy = proxy?.isProxy(caller) === true;
    const address = (isProxy ? proxy.clientAddress(caller) : caller.address) ?? '';
    if (header === undefined) {
      const principal = isProxy ? proxy.principal(caller) : undefined;
      // Browsers ask without credentials first: that is no attempt.
      if (principal === undefined) throw new UnauthenticatedError(this.#challenges);
      return principal;
    }
    const [, scheme = '', credential = ''] = /^(\S+) +(\S+) *$/.exec(header) ?? [];
    const principal = await this.#byCredential(scheme.toLowerCase(), credential, address);
    if (principal !== undefined) return principal;
    throw new UnauthenticatedError(this.#challenges);
  }

  async #byCredential(scheme: string, credential: string, address: string): Promise<Principal | undefined> {
    if (scheme === 'bearer') {
      const known = mayBeToken(credential) ? this.#options.tokens.get(hashToken(credential)) : undefined;
      if (known !== undefined) return known;
      const { jwt } = this.#options;
      if (jwt !== undefined && credential.split('.').length === 3) {
        return this.#once(`bearer ${credential}`, scheme, address, async () => {
          const verified = await jwt.verify(credential);
          return verified && { ...verified, untilMs: Math.min(verified.expiresMs, this.#nowMs() + jwtMs) };
        });
      }
    } else if (scheme === 'basic') {
      const text = Buffer.from(credential, 'base64').toString();
      const colon = text.indexOf(':');
      const name = text.slice(0, Math.max(colon, 0));
      const user = this.#options.users.get(name);
      return this.#once(`basic ${text}`, scheme, address, async () => {
        const isRight = await this.#hashed(() => isPassword(text.slice(colon + 1), user?.hash ?? nobodysHash));
        return isRight && user !== undefined && colon >= 0
          ? { principal: user.principal, untilMs: this.#nowMs() + passwordMs }
          : undefined;
      });
    }
    this.#limiter.check(address);
    this.#failed(scheme, address);
    return undefined;
  }

  /** What `find` finds, or found lately; callers with one credential share one search. */
  #once(
    credential: string,
    scheme: string,
    address: string,
    find: () => Promise<{ readonly principal: Principal; readonly untilMs: number } | undefined>,
  ): Promise<Principal | undefined> {
    const key = createHmac('sha256', this.#key).update(credential).digest('base64');
    const known = this.#remembered.get(key);
    if (known !== undefined && this.#nowMs() < known.untilMs) return known.principal;
    this.#limiter.check(address);
    // Counted before it is known, or any number of tries at once would be free.
    this.#limiter.fail(address);
    const search = async (): Promise<Principal | undefined> => {
      try {
        const found = await find();
        if (found === undefined) {
          this.#remembered.delete(key);
          this.#log(scheme, address);
          return undefined;
        }
        remembered.untilMs = found.untilMs;
        this.#limiter.takeBack(address);
        return found.principal;
      } catch (error) {
        this.#remembered.delete(key);
        this.#limiter.takeBack(address);
        throw error;
      }
    };
    const remembered: Remembered = { principal: search(), untilMs: Number.POSITIVE_INFINITY };
    this.#remembered.set(key, remembered);
    if (this.#remembered.size > rememberedMax) this.#remembered.delete(this.#remembered.keys().next().value!);
    return remembered.principal;
  }

  async #hashed<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#hashing >= hashingMax) {
      if (this.#waiting.length >= waitingMax)
        throw new ExhaustedError('too_many_logins', 'too many logins at the same time', 1000);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#hashing++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#hashing--;
      else next();
    }
  }

  #failed(scheme: string, address: string): void {
    this.#limiter.fail(address);
    this.#log(scheme, address);
  }

  /** Without what was shown: people type passwords where names belong. */
  #log(scheme: string, address: string): void {
    const known = scheme === 'basic' || scheme === 'bearer' ? scheme : 'other';
    this.#options.log.warn({ scheme: known, address }, 'credentials were refused');
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}
