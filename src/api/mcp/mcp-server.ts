/**
 * One MCP server for one request: no sessions, so any process behind a load balancer can answer. What a tool throws is its
 * answer, marked as an error, so that the model can mend its question; what is our fault says no more than that.
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { RubatoError } from '../../base/errors.ts';
import { statusOf } from '../http/errors.ts';
import type { TenantCall } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { createAsk } from './ask.ts';
import { docNames, readDoc, subjects } from './documents.ts';
import { type Tool, type ToolContext, tools } from './tools.ts';

/** Answers one POST. `request` has its body. */
export async function answerMcp(ports: ApiPorts, call: TenantCall, request: Request): Promise<Response> {
  const server = createServer({ ports, ask: createAsk(ports, call) });
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  try {
    return await transport.handleRequest(request);
  } finally {
    await server.close();
  }
}

function createServer(context: ToolContext): McpServer {
  const { version } = context.ports.status.buildInfo();
  const server = new McpServer(
    { name: 'rubato', title: 'Rubato traces', version },
    { instructions: 'Searches and reads distributed traces by TraceQL. Begin with docs-traceql, name "query".' },
  );
  for (const tool of tools) {
    const { name, title, description, input } = tool;
    const annotations = { readOnlyHint: true, openWorldHint: false };
    server.registerTool(name, { title, description, inputSchema: input, annotations }, (given) =>
      runTool(tool, given as Record<string, string | undefined>, context),
    );
  }
  for (const subject of subjects) {
    for (const name of docNames(subject)) {
      const uri = `docs://${subject}/${name}`;
      server.registerResource(`${subject}-${name}`, uri, { mimeType: 'text/markdown' }, () => ({
        contents: [{ uri, mimeType: 'text/markdown', text: readDoc(subject, name, context.ports) }],
      }));
    }
  }
  return server;
}

async function runTool(
  tool: Tool,
  given: Readonly<Record<string, string | undefined>>,
  context: ToolContext,
): Promise<CallToolResult> {
  const { ports } = context;
  ports.onMcpCall?.(tool.name);
  try {
    return { content: [{ type: 'text', text: await tool.run(given, context) }] };
  } catch (error) {
    if (statusOf(error) === 500) ports.onError(error, { method: 'MCP', url: tool.name });
    const text = error instanceof RubatoError && statusOf(error) !== 500 ? error.message : 'internal error';
    return { isError: true, content: [{ type: 'text', text }] };
  }
}
