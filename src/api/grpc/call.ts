/** What every call for a tenant's data goes through: whose data, how long, and what a failure is called on the wire. */
import { Code, ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { Principal } from '../../auth/principal.ts';
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { permittedTenant } from '../access.ts';
import { errorReply, statusOf } from '../http/errors.ts';
import type { ApiPorts, QueryLimits } from '../ports.ts';
import type { TenantOptions } from '../tenant.ts';

export interface GrpcApiOptions extends TenantOptions {
  /** A query that takes longer is given up. 0 = no limit. Clients may set shorter deadlines. */
  readonly apiTimeoutMs: number;
  /** Largest request, bytes. Default 4 MiB, gRPC's own. */
  readonly readBytesMax?: number;
  /** Largest message of an answer, bytes. Default 16 MiB. */
  readonly writeBytesMax?: number;
  /** Answers are cut into messages of at most so many bytes, unless one item alone is larger. Default 2 MiB. */
  readonly packetBytesMax?: number;
}

const nobody: Principal = { name: 'nobody', roles: new Set(), tenants: new Set() };
/** Who makes the call. */
export const principalKey = createContextKey<Principal>(nobody);

export interface GrpcCall {
  readonly tenant: string;
  readonly limits: QueryLimits;
  /** When the call came in. */
  readonly nowMs: number;
  /** Fires when the client goes away, its deadline passes or the time for the request is over. */
  readonly signal: AbortSignal;
}

export class TenantCalls {
  readonly #ports: ApiPorts;
  readonly #options: GrpcApiOptions;

  constructor(ports: ApiPorts, options: GrpcApiOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  async *stream<Message>(
    context: HandlerContext,
    run: (call: GrpcCall) => AsyncIterable<Message>,
  ): AsyncGenerator<Message> {
    const { clock, limits, onError, onRequest } = this.#ports;
    const route = `/${context.service.typeName}/${context.method.name}`;
    const nowMs = clock.nowMs();
    const { apiTimeoutMs } = this.#options;
    const late = apiTimeoutMs === 0 ? undefined : AbortSignal.timeout(apiTimeoutMs);
    const signal = late === undefined ? context.signal : AbortSignal.any([context.signal, late]);
    // What it stays at when the reader leaves in the middle.
    let status = 499;
    try {
      const principal = context.values.get(principalKey);
      const orgId = context.requestHeader.get('x-scope-orgid') ?? undefined;
      const tenant = permittedTenant(principal, 'read', orgId, this.#options);
      yield* run({ tenant, limits: limits(tenant), nowMs, signal });
      status = 200;
    } catch (thrown) {
      if (context.signal.aborted) throw leftError(context.signal);
      const error = late?.aborted === true ? timeoutError(thrown) : thrown;
      status = statusOf(error);
      if (status === 500) onError(error, { method: 'gRPC', url: route });
      throw connectError(error);
    } finally {
      onRequest?.({ route, method: 'gRPC', status, durationMs: clock.nowMs() - nowMs });
    }
  }

  async unary<Message>(context: HandlerContext, run: (call: GrpcCall) => Promise<Message>): Promise<Message> {
    const answers = this.stream(context, async function* (call) {
      yield await run(call);
    });
    const { value } = await answers.next();
    // Lets it end, so that the call is accounted for.
    await answers.next();
    return value as Message;
  }
}

/** The code is that of the HTTP status: clients of Tempo know `Unknown` for a tenant that is missing. */
export function connectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const { status = 200, body } = errorReply(error);
  const known = error instanceof RubatoError && error.kind === ErrorKind.unauthenticated;
  return new ConnectError(String(body), known ? Code.Unauthenticated : codeOf(status), undefined, undefined, error);
}

function codeOf(status: number): Code {
  switch (status) {
    case 400:
      return Code.InvalidArgument;
    case 403:
      return Code.PermissionDenied;
    case 404:
      return Code.NotFound;
    case 429:
      return Code.ResourceExhausted;
    case 499:
      return Code.Canceled;
    default:
      return status >= 500 ? Code.Internal : Code.Unknown;
  }
}

/** The deadline passed, or the client went away and will not see this. */
function leftError({ reason }: AbortSignal): ConnectError {
  return reason instanceof ConnectError ? reason : new ConnectError('context canceled', Code.Canceled);
}

function timeoutError(thrown: unknown): RubatoError {
  return new RubatoError(
    ErrorKind.unavailable,
    'timeout',
    'unable to process request in the configured timeout',
    thrown,
  );
}
