/** `auth`: who may ask this server, and for what. Ours; Tempo leaves it to a proxy. docs/operations/security.md */
import { z } from 'zod';
import { parsePasswordHash } from '../../auth/password-hash.ts';
import { roles } from '../../auth/principal.ts';
import { tokenHashPattern } from '../../auth/token-hash.ts';
import { parseCidr } from '../../auth/trusted-proxy.ts';
import { count, durationMs } from './values.ts';

const role = z.enum(roles);
const header = z
  .string()
  .regex(/^[A-Za-z0-9-]*$/, 'must be the name of a header')
  .transform((name) => name.toLowerCase());

/** What somebody may do; `*` stands for all tenants. */
const rights = { roles: z.array(role).default([]), tenants: z.array(z.string().min(1)).default([]) };

const user = z.strictObject({
  name: z.string().regex(/^[^:]+$/, 'must not be empty, and hold no colon'),
  /** What `rubato auth hash` makes of the password. */
  password_hash: z.string().refine((text) => parsePasswordHash(text) !== undefined, {
    error: 'must be what `rubato auth hash` makes',
  }),
  ...rights,
});

const token = z.strictObject({
  name: z.string().min(1),
  /** What `rubato auth token` prints beside a token. */
  token_hash: z.string().regex(tokenHashPattern, 'must be what `rubato auth token` prints'),
  ...rights,
});

const secureUrl = z.url().refine(
  (text) => {
    const { protocol, hostname } = new URL(text);
    return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname));
  },
  { error: 'must begin with https://: whoever can change the keys can be anybody' },
);

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
const names = z.array(z.string()).default([]);

const jwt = z
  .strictObject({
    issuer: z.string().min(1),
    audience: z.union([
      z
        .string()
        .min(1)
        .transform((one) => [one]),
      z.array(z.string().min(1)).min(1),
    ]),
    jwks_url: secureUrl.optional(),
    /** Read anew, so that keys can be changed. */
    jwks_file: z.string().optional(),
    algorithms: z.array(z.enum(algorithms)).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']),
    clock_tolerance: durationMs.default(30_000),
    name_claim: z.string().default('sub'),
    roles_claim: z.string().default(''),
    tenants_claim: z.string().default(''),
    /** What the issuer calls our roles. */
    role_names: z
      .strictObject({
        read: z.array(z.string()).default(['read']),
        write: z.array(z.string()).default(['write']),
        admin: z.array(z.string()).default(['admin']),
      })
      .prefault({}),
    ...rights,
  })
  .refine(({ jwks_url, jwks_file }) => (jwks_url === undefined) !== (jwks_file === undefined), {
    error: 'needs either jwks_url or jwks_file',
  });

const trustedProxy = z.strictObject({
  /** Where the proxy's connections come from. */
  cidrs: z.array(z.string().refine((text) => parseCidr(text) !== undefined, { error: 'must be a network' })).min(1),
  user_header: header.default('x-webauth-user'),
  roles_header: header.default(''),
  tenants_header: header.default(''),
  roles: z.array(role).default([]),
  tenants: names,
});

const unique = (list: readonly { readonly name: string }[]): boolean =>
  new Set(list.map(({ name }) => name)).size === list.length;
const twice = { error: 'two of one name' };

export const auth = z
  .strictObject({
    users: z.array(user).refine(unique, twice).default([]),
    tokens: z.array(token).refine(unique, twice).default([]),
    jwt: jwt.optional(),
    trusted_proxy: trustedProxy.optional(),
    /** /metrics and /usage_metrics without credentials; otherwise they need the role read for all tenants. */
    public_metrics: z.boolean().default(false),
    /** An address that failed so often within the window is told to wait. */
    max_failures: count.min(1).default(20),
    failure_window: durationMs.default(60_000),
  })
  .prefault({});
export type AuthConfig = z.output<typeof auth>;

/** Whether anybody is asked for credentials. */
export function asksCredentials({ users, tokens, jwt, trusted_proxy }: AuthConfig): boolean {
  return users.length > 0 || tokens.length > 0 || jwt !== undefined || trusted_proxy !== undefined;
}
