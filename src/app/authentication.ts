/** Authentication as it is configured. Each thread that listens has its own. */
import { readFile } from 'node:fs/promises';
import { Authenticator } from '../auth/authenticator.ts';
import { JwtVerifier } from '../auth/jwt.ts';
import { parsePasswordHash } from '../auth/password-hash.ts';
import { type Authentication, openToAll, type Principal, type Role } from '../auth/principal.ts';
import { TrustedProxy } from '../auth/trusted-proxy.ts';
import type { Clock } from '../base/clock.ts';
import { type AuthConfig, asksCredentials } from './config/auth-schema.ts';

export function createAuthentication(
  auth: AuthConfig,
  clock: Clock,
  log: { warn(fields: object, message: string): void },
): Authentication {
  if (!asksCredentials(auth)) return openToAll;
  const { jwt, trusted_proxy: proxy } = auth;
  return new Authenticator({
    tokens: new Map(auth.tokens.map((token) => [token.token_hash, principal(`token:${token.name}`, token)])),
    users: new Map(
      auth.users.map((user) => {
        const hash = parsePasswordHash(user.password_hash)!;
        return [user.name, { hash, principal: principal(`user:${user.name}`, user) }];
      }),
    ),
    jwt:
      jwt &&
      new JwtVerifier({
        issuer: jwt.issuer,
        audience: jwt.audience,
        keys:
          jwt.jwks_url === undefined
            ? { read: () => readFile(jwt.jwks_file!, 'utf8') }
            : { url: new URL(jwt.jwks_url) },
        algorithms: jwt.algorithms,
        clockToleranceMs: jwt.clock_tolerance,
        nameClaim: jwt.name_claim,
        rolesClaim: jwt.roles_claim,
        tenantsClaim: jwt.tenants_claim,
        roles: jwt.roles,
        tenants: jwt.tenants,
        roleNames: jwt.role_names,
      }),
    proxy:
      proxy &&
      new TrustedProxy({
        cidrs: proxy.cidrs,
        userHeader: proxy.user_header,
        rolesHeader: proxy.roles_header,
        tenantsHeader: proxy.tenants_header,
        roles: proxy.roles,
        tenants: proxy.tenants,
      }),
    failures: { failuresMax: auth.max_failures, windowMs: auth.failure_window },
    clock,
    log,
  });
}

function principal(
  name: string,
  { roles, tenants }: { readonly roles: readonly Role[]; readonly tenants: readonly string[] },
): Principal {
  return { name, roles: new Set(roles), tenants: tenants.includes('*') ? 'all' : new Set(tenants) };
}
