/** Lets a tool ask the routes of the HTTP API: the same parameters, limits and answers, without a second way to the data. */

import { AnswerCache } from '../http/answer-cache.ts';
import { queryRoutes } from '../http/query-routes.ts';
import type { Reply } from '../http/reply.ts';
import type { Route, TenantCall } from '../http/route.ts';
import { traceRoutes } from '../http/trace-routes.ts';
import type { ApiPorts } from '../ports.ts';
import { QueryParams } from '../requests/params.ts';

export interface Question {
  /** A route as it is registered. */
  readonly path: string;
  readonly parameters?: Readonly<Record<string, string | undefined>>;
  /** The variable part of the path. */
  readonly pathPart?: string;
  readonly accept?: 'json' | 'llm';
}

/** Resolves with the body of the answer. @throws what the route throws: RubatoError for what the caller can mend */
export type Ask = (question: Question) => Promise<string>;

/** Asks on behalf of `call`: its tenant, its limits, and no longer than it has a reason to go on. */
export function createAsk(ports: ApiPorts, call: TenantCall): Ask {
  const answers = new AnswerCache(ports.engine, 0);
  const routes = new Map([...queryRoutes(ports, answers), ...traceRoutes(ports)].map((route) => [route.path, route]));
  return async ({ path, parameters = {}, pathPart = '', accept = 'json' }) => {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, value);
    const params = new QueryParams(search.toString());
    const route = routes.get(path) as Route & { readonly access: 'tenant' };
    return bodyText(await route.handle({ ...call, params, pathPart, accept }));
  };
}

async function bodyText({ body }: Reply): Promise<string> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
