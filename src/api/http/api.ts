/**
 * Tempo's HTTP query API. `createApi` gives a handler for `node:http` servers and for the compatibility API of
 * `node:http2`; what it serves comes in through ports.
 *
 *   request → router → tenant, limits → route: parameters → engine → encoder → reply (gzip, length or pieces)
 *
 * A client that goes away stops its query: the signal that every call gets fires. Methods are not looked at: as in Tempo
 * a POST is answered like a GET, and parameters are read from the URL only. `/api/overrides` is the exception.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import findMyWay from 'find-my-way';
import { forbidden, openToAll, type Principal, type Role } from '../../auth/principal.ts';
import { canceled } from '../../base/abort.ts';
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';
import { permitOverview, permittedTenant } from '../access.ts';
import { jaegerRoutes } from '../jaeger/routes.ts';
import { mcpRoute } from '../mcp/mcp-route.ts';
import type { ApiPorts, AuditEntry } from '../ports.ts';
import { QueryParams } from '../requests/params.ts';
import type { TenantOptions } from '../tenant.ts';
import { uiRoutes } from '../ui/routes.ts';
import { AnswerCache } from './answer-cache.ts';
import { errorReply, notFound, statusOf } from './errors.ts';
import { isForeignPage } from './foreign-page.ts';
import { generatedMetricsRoute } from './generated-metrics.ts';
import { overridesPages } from './overrides-pages.ts';
import { overridesRoutes } from './overrides-routes.ts';
import { queryRoutes } from './query-routes.ts';
import { redactRoute } from './redact-route.ts';
import { accepted, type Reply, type Request, type Response, send } from './reply.ts';
import type { Call, Route } from './route.ts';
import { serviceGraphRoute } from './service-graph-route.ts';
import { statusRoutes } from './status-routes.ts';
import { traceRoutes } from './trace-routes.ts';
import { pageReply, uiReply, wantsHtml } from './ui.ts';

export interface ApiOptions extends TenantOptions {
  /** Goes before every `/api` path, for example `/tempo`. Default: nothing. */
  readonly httpApiPrefix: string;
  /** A query that takes longer is given up. 0 = no limit. */
  readonly apiTimeoutMs: number;
  /** Requests whose URL one of these matches are refused. */
  readonly urlDenyList: readonly { test(url: string): boolean }[];
  /** Whether `/api/mcp` is served. */
  readonly mcpServer: boolean;
  /** Whether anything is answered about data, and the web UI served. Default true; false: only the process's own status. */
  readonly queries?: boolean;
  /** Encoded answers that are kept for those who ask the same again. Default 0: none. */
  readonly answerCacheBytes?: number;
}

export const defaultApiOptions: ApiOptions = {
  httpApiPrefix: '',
  multitenancy: false,
  multiTenantQueries: true,
  apiTimeoutMs: 0,
  urlDenyList: [],
  mcpServer: false,
};

export interface Api {
  handle(request: Request, response: Response): void;
}

/** Longest variable part of a path; servers refuse longer URLs before. */
const PATH_PART_MAX = 64 * 1024;

export function createApi(ports: ApiPorts, options: ApiOptions = defaultApiOptions): Api {
  const { ui, authentication = openToAll } = ports;
  const prefix = options.httpApiPrefix.replace(/\/+$/, '');
  const pathOf = (route: Route): string => (route.prefixed ? prefix : '') + route.path;
  const ofData = (): Route[] => [
    ...queryRoutes(ports, new AnswerCache(ports.engine, options.answerCacheBytes ?? 0)),
    serviceGraphRoute(ports),
    ...traceRoutes(ports),
    ...uiRoutes(ports),
    ...jaegerRoutes(ports),
    ...(options.mcpServer ? [mcpRoute(ports)] : []),
  ];
  const routes: Route[] = [
    ...(options.queries === false ? [] : ofData()),
    ...(ports.generatedMetrics === undefined ? [] : [generatedMetricsRoute(ports.generatedMetrics)]),
    ...(ports.userOverrides === undefined ? [] : overridesRoutes(ports.userOverrides)),
    ...(ports.redact === undefined ? [] : [redactRoute(ports.redact)]),
    ...(ports.overridesStatus === undefined ? [] : overridesPages(ports.overridesStatus, ports.clock)),
    ...statusRoutes(ports, () => routes.map(pathOf).sort()),
  ];
  const router = findMyWay({
    maxParamLength: PATH_PART_MAX,
    defaultRoute: (request, response) =>
      void answer(request, response, 'unknown', () => (ui === undefined ? notFound : uiReply(ui, request))),
    onBadUrl: (_path, request, response) => void answer(request, response, 'unknown', () => badUrl),
  });
  for (const route of routes) {
    const { pattern, pathPart } = routerPattern(pathOf(route));
    router.all(pattern, (request, response, params) => {
      const part = pathPart(params);
      void answer(request, response, route.path, (call) => {
        return part === undefined ? notFound : handle(route, request, { ...call, pathPart: part });
      });
    });
  }

  async function handle(route: Route, request: Request, call: Call): Promise<Reply> {
    // A page of the web UI, and text for everybody who does not ask for HTML.
    if (route.path === '/status' && ui?.has('/index.html') && wantsHtml(request)) return pageReply(ui, request);
    if (route.access === 'open') return route.handle(call);
    if (route.access === 'tenant' && roleOf(route, request) === 'admin')
      return audited(route, request, (onPrincipal) => permitted(route, request, call, onPrincipal));
    return permitted(route, request, call);
  }

  /** @param onPrincipal hears who it is as soon as that is known */
  async function permitted(
    route: Exclude<Route, { access: 'open' }>,
    request: Request,
    call: Call,
    onPrincipal?: (principal: Principal) => void,
  ): Promise<Reply> {
    const caller = { headers: request.headers, address: request.socket.remoteAddress };
    const principal = await authentication.authenticate(caller);
    onPrincipal?.(principal);
    if (route.access === 'anyone') return route.handle(call);
    if (route.access === 'overview') {
      permitOverview(principal, route.role, options);
      return route.handle(call);
    }
    const url = request.url ?? '';
    if (options.urlDenyList.some((pattern) => pattern.test(url))) throw denied(url);
    const role = roleOf(route, request);
    const tenant = permittedTenant(principal, role, headerOf(request, 'x-scope-orgid'), options);
    if (role === 'admin' && isForeignPage(request))
      throw forbidden('requests of web pages of other origins are refused');
    return route.handle({ ...call, tenant, limits: ports.limits(tenant) });
  }

  async function audited(
    route: Route,
    request: Request,
    act: (onPrincipal: (principal: Principal) => void) => Promise<Reply>,
  ): Promise<Reply> {
    let principal: string | undefined;
    const tell = (status: number, details: AuditEntry['details']): void =>
      ports.onAudit?.({
        act: `${request.method} ${route.path}`,
        principal,
        address: request.socket.remoteAddress,
        tenant: headerOf(request, 'x-scope-orgid'),
        status,
        details,
      });
    try {
      const reply = await act(({ name }) => {
        principal = name;
      });
      tell(reply.status ?? 200, reply.audit ?? {});
      return reply;
    } catch (error) {
      tell(statusOf(error), { reason: (error as Error).message });
      throw error;
    }
  }

  async function answer(
    request: Request,
    response: Response,
    route: string,
    reply: (call: Call) => Promise<Reply> | Reply,
  ): Promise<void> {
    const startMs = ports.clock.nowMs();
    const lifetime = watch(response, options.apiTimeoutMs);
    const url = request.url ?? '';
    const method = request.method ?? '';
    const search = url.indexOf('?');
    const call: Call = {
      params: new QueryParams(search === -1 ? '' : url.slice(search + 1)),
      pathPart: '',
      accept: accepted(request),
      request,
      signal: lifetime.signal,
    };
    try {
      await send(request, response, await reply(call), lifetime.signal);
    } catch (thrown) {
      const error = lifetime.reasonOr(thrown);
      if (statusOf(error) === 500) ports.onError(error, { method, url });
      // Too late for an error once the answer is under way: the connection breaks, so that nobody takes it for whole.
      if (response.headersSent) response.destroy();
      else {
        const reply = errorReply(error, request.headers['x-requested-with'] !== undefined);
        await send(request, response, reply, new AbortController().signal).catch(() => response.destroy());
      }
    } finally {
      lifetime.end();
      ports.onRequest?.({
        route,
        method,
        status: response.statusCode,
        durationMs: ports.clock.nowMs() - startMs,
      });
    }
  }

  return { handle: (request, response) => router.lookup(request as IncomingMessage, response as ServerResponse) };
}

/** How long a request has a reason to go on. */
interface Lifetime {
  readonly signal: AbortSignal;
  /** The error to answer with when work failed because time was over or the client left; otherwise what it threw. */
  reasonOr(thrown: unknown): unknown;
  end(): void;
}

function watch(response: Response, timeoutMs: number): Lifetime {
  const gone = new AbortController();
  const late = new AbortController();
  const timer = timeoutMs === 0 ? undefined : setTimeout(() => late.abort(), timeoutMs);
  const onClose = (): void => gone.abort();
  response.once('close', onClose);
  return {
    signal: timer === undefined ? gone.signal : AbortSignal.any([gone.signal, late.signal]),
    reasonOr(thrown) {
      if (gone.signal.aborted) return canceled(gone.signal);
      if (!late.signal.aborted) return thrown;
      return new RubatoError(
        ErrorKind.unavailable,
        'timeout',
        'unable to process request in the configured timeout',
        thrown,
      );
    },
    end() {
      clearTimeout(timer);
      response.removeListener('close', onClose);
    },
  };
}

/** Tempo's path → the router's pattern, and how to get the variable part; undefined when the path does not fit. */
function routerPattern(path: string): {
  pattern: string;
  pathPart: (params: Readonly<Record<string, string | undefined>>) => string | undefined;
} {
  const any = /^(.*)\{\w+:\.\*\}(.*)$/.exec(path);
  if (any !== null) {
    // The router knows `*` at the end only; what must stand behind it is looked for here.
    const end = any[2]!;
    return {
      pattern: `${any[1]}*`,
      pathPart: ({ '*': rest = '' }) => (rest.endsWith(end) ? rest.slice(0, rest.length - end.length) : undefined),
    };
  }
  if (!path.includes('{')) return { pattern: path, pathPart: () => '' };
  // A segment that is empty is no segment.
  return { pattern: path.replace(/\{(\w+)\}/, ':part'), pathPart: ({ part }) => part || undefined };
}

function roleOf({ role }: Extract<Route, { access: 'tenant' }>, { method = 'GET' }: Request): Role {
  return typeof role === 'function' ? role(method) : role;
}

function headerOf(request: Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const badUrl: Reply = { status: 400, contentType: 'text/plain; charset=utf-8', body: '400 Bad Request' };

function denied(url: string): Error {
  return invalid(
    'url_denied',
    `Invalid request ${url}. This query has been identified as one that destabilizes our system. ` +
      'Contact your system administrator for more information',
  );
}
