/**
 * JSON Web Tokens of an OpenID Connect provider, or of anybody who publishes keys as a JWK set. What is checked: the
 * signature by one of the issuer's own keys (never one that the token brings along or points to), by an asymmetric
 * algorithm that is allowed; issuer, audience, and the times, of which an end is demanded.
 */
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { type Principal, type Role, roles } from './principal.ts';

export interface JwtSettings {
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Where the keys are; a text is asked for anew with each token that was not seen lately. */
  readonly keys: { readonly url: URL } | { readonly read: () => Promise<string> };
  readonly algorithms: readonly string[];
  readonly clockToleranceMs: number;
  /** Claim, or path of claims with dots, that names who it is. */
  readonly nameClaim: string;
  /** Claims with roles and with tenants; empty: the fixed ones. */
  readonly rolesClaim: string;
  readonly tenantsClaim: string;
  readonly roles: readonly Role[];
  readonly tenants: readonly string[];
  /** What the issuer calls each role. */
  readonly roleNames: Readonly<Record<Role, readonly string[]>>;
}

export interface VerifiedToken {
  readonly principal: Principal;
  readonly expiresMs: number;
}

const keysTimeoutMs = 5_000;

export class JwtVerifier {
  readonly #settings: JwtSettings;
  #remoteKeys: JWTVerifyGetKey | undefined;

  constructor(settings: JwtSettings) {
    this.#settings = settings;
  }

  /** Undefined for a token that is not good. @throws RubatoError of kind `unavailable` when the keys cannot be had */
  async verify(token: string): Promise<VerifiedToken | undefined> {
    const { issuer, audience, algorithms, clockToleranceMs } = this.#settings;
    const { errors, jwtVerify } = await import('jose');
    const keys = await this.#keys();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: clockToleranceMs / 1000,
        requiredClaims: ['exp'],
      });
      return { principal: this.#principal(payload), expiresMs: payload.exp! * 1000 + clockToleranceMs };
    } catch (error) {
      const { JWKSTimeout, JWKSInvalid, JOSEError } = errors;
      if (error instanceof JWKSTimeout || error instanceof JWKSInvalid || !(error instanceof JOSEError))
        throw noKeys(error);
      // Other than a 200 from where the keys are.
      if (error.code === 'ERR_JOSE_GENERIC') throw noKeys(error);
      return undefined;
    }
  }

  async #keys(): Promise<JWTVerifyGetKey> {
    const { createLocalJWKSet, createRemoteJWKSet } = await import('jose');
    const { keys } = this.#settings;
    if ('url' in keys) {
      this.#remoteKeys ??= createRemoteJWKSet(keys.url, { timeoutDuration: keysTimeoutMs });
      return this.#remoteKeys;
    }
    try {
      return createLocalJWKSet(JSON.parse(await keys.read()) as JSONWebKeySet);
    } catch (error) {
      throw noKeys(error);
    }
  }

  #principal(payload: JWTPayload): Principal {
    const { nameClaim, rolesClaim, tenantsClaim, roleNames } = this.#settings;
    const [name = ''] = textsOf(claimOf(payload, nameClaim));
    const named = textsOf(claimOf(payload, rolesClaim));
    const own =
      rolesClaim === ''
        ? this.#settings.roles
        : roles.filter((role) => roleNames[role].some((roleName) => named.includes(roleName)));
    const tenants = tenantsClaim === '' ? this.#settings.tenants : textsOf(claimOf(payload, tenantsClaim));
    return {
      name: `jwt:${name.slice(0, 100)}`,
      roles: new Set(own),
      tenants: tenants.includes('*') ? 'all' : new Set(tenants),
    };
  }
}

function noKeys(cause: unknown): RubatoError {
  return new RubatoError(ErrorKind.unavailable, 'no_jwks', 'the keys of the token issuer cannot be had', cause);
}

/** The claim of this name, or where a path of names leads. */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** A list of texts, or texts in one with spaces between, as OAuth has scopes. */
function textsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((text) => text !== '');
  return Array.isArray(claim) ? claim.filter((item) => typeof item === 'string') : [];
}
