import type { Role } from '../../auth/principal.ts';
import type { QueryLimits } from '../ports.ts';
import type { QueryParams } from '../requests/params.ts';
import type { accepted, Reply, Request } from './reply.ts';

/** One request, as far as every route needs it. */
export interface Call {
  readonly params: QueryParams;
  /** The variable part of the path, decoded; empty when the route has none. */
  readonly pathPart: string;
  readonly accept: ReturnType<typeof accepted>;
  /** For what is not in the fields above: method, headers, body. */
  readonly request: Request;
  /** Fires when the client goes away or the time for the request is over. */
  readonly signal: AbortSignal;
}

/** A request for a tenant's data. */
export interface TenantCall extends Call {
  readonly tenant: string;
  readonly limits: QueryLimits;
}

interface RouteBase {
  /** As Tempo's `/status/endpoints` shows it: `{name}` is one path segment, `{name:.*}` any. */
  readonly path: string;
  /** Served below `http_api_prefix`. */
  readonly prefixed: boolean;
}

/**
 * `open`: nobody is asked who they are. `anyone`: any valid credential will do; it tells of no tenant. `overview`: it tells
 * of all tenants, and needs the role for all. `tenant`: it needs the role for the tenants that the request names.
 */
export type Route = RouteBase &
  (
    | { readonly access: 'open'; readonly handle: (call: Call) => Promise<Reply> | Reply }
    | { readonly access: 'anyone'; readonly handle: (call: Call) => Promise<Reply> | Reply }
    | { readonly access: 'overview'; readonly role: Role; readonly handle: (call: Call) => Promise<Reply> | Reply }
    | {
        readonly access: 'tenant';
        /** By method where that decides. */
        readonly role: Role | ((method: string) => Role);
        readonly handle: (call: TenantCall) => Promise<Reply>;
      }
  );
