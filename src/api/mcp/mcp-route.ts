/**
 * `/api/mcp`: the Model Context Protocol over streamable HTTP, without sessions and without streams of its own, so only
 * POST has a meaning. https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
 */
import { isForeignPage } from '../http/foreign-page.ts';
import { type Request as HttpRequest, jsonType, type Reply } from '../http/reply.ts';
import type { Route, TenantCall } from '../http/route.ts';
import { textBody } from '../http/small-body.ts';
import type { ApiPorts } from '../ports.ts';

export function mcpRoute(ports: ApiPorts): Route {
  return { path: '/api/mcp', prefixed: true, access: 'tenant', role: 'read', handle: (call) => handle(ports, call) };
}

async function handle(ports: ApiPorts, call: TenantCall): Promise<Reply> {
  const { request } = call;
  if (isForeignPage(request)) return refusal(403, 'requests of web pages of other origins are refused');
  if (request.method !== 'POST') return { ...refusal(405, 'method not allowed'), headers: { allow: 'POST' } };
  const body = await textBody(request);
  // The SDK and what it brings along are loaded by those who use it.
  const { answerMcp } = await import('./mcp-server.ts');
  const answer = await answerMcp(
    ports,
    call,
    new Request('http://mcp/', { method: 'POST', headers: headersOf(request), body }),
  );
  const contentType = answer.headers.get('content-type');
  return {
    status: answer.status,
    ...(contentType !== null && { contentType }),
    body: await answer.text(),
    compressible: true,
  };
}

/** Without those of HTTP/2 that begin with a colon. */
function headersOf(request: HttpRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(':')) headers.set(name, String(value));
  return headers;
}

/** An error in the form that MCP clients read. */
function refusal(status: number, message: string): Reply {
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null });
  return { status, contentType: jsonType, body };
}
