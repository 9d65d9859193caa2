/** Who asks, and what they may do. */
import type { IncomingHttpHeaders } from 'node:http';
import { ErrorKind, RubatoError } from '../base/errors.ts';

export const roles = ['read', 'write', 'admin'] as const;
/** `read` asks for data, `write` sends spans, `admin` may do both, and change or remove what is kept. */
export type Role = (typeof roles)[number];

export interface Principal {
  /** For logs: what kind of credential it showed, and whose. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
  /** `all`: also of tenants that do not exist yet. */
  readonly tenants: ReadonlySet<string> | 'all';
}

/** One request or call, as far as it tells who makes it. */
export interface Caller {
  readonly headers: IncomingHttpHeaders;
  /** Of the other end of the connection. */
  readonly address: string | undefined;
}

export interface Authentication {
  /** @throws RubatoError of kind `unauthenticated`, `exhausted` after too many failures, or `unavailable` */
  authenticate(caller: Caller): Promise<Principal>;
}

export const everybody: Principal = { name: 'anybody', roles: new Set(roles), tenants: 'all' };

/** For servers that ask nobody. */
export const openToAll: Authentication = { authenticate: async () => everybody };

/** No credential, or none that is good. Says which kinds are taken, and nothing about what was wrong. */
export class UnauthenticatedError extends RubatoError {
  /** Values for `WWW-Authenticate`. */
  readonly challenges: readonly string[];

  constructor(challenges: readonly string[]) {
    super(ErrorKind.unauthenticated, 'unauthenticated', 'valid credentials are needed');
    this.challenges = challenges;
  }
}

export function forbidden(message: string): RubatoError {
  return new RubatoError(ErrorKind.forbidden, 'forbidden', message);
}

/** @throws RubatoError of kind `forbidden` */
export function requireRole(principal: Principal, role: Role): void {
  if (!principal.roles.has(role) && !principal.roles.has('admin')) throw forbidden(`the role ${role} is needed`);
}

/** @param tenants one id, or several joined by `|`. @throws RubatoError of kind `forbidden` */
export function requireTenants(principal: Principal, tenants: string): void {
  const { tenants: own } = principal;
  if (own === 'all') return;
  // The same whether there is such a tenant or not.
  for (const tenant of tenants.split('|')) if (!own.has(tenant)) throw forbidden(`tenant ${tenant} is not yours`);
}
