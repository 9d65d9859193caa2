/** What the tool `docs-config` and the resources `docs://config/…` say. */

export const configOverview = `# Configuration

The server reads one YAML file, named by \`-config.file=FILE\`, with the keys of Grafana Tempo. Every key has a default; unknown keys
are refused with their line. Keys of Tempo that tune parts which do not exist here are accepted, and named in a warning.
\`rubato config check FILE\` says what a file would mean without starting anything. \`-config.expand-env\` replaces \${NAME}
and \${NAME:-default}. The configuration in use: GET /status/config, what differs from the defaults: GET /status/config?mode=diff.

| section | what it sets |
|---|---|
| \`server\` | addresses and ports of the query API (HTTP 3200, gRPC 9095), logging |
| \`multitenancy_enabled\`, \`http_api_prefix\` | whether requests name a tenant in X-Scope-OrgID; what stands before /api |
| \`distributor.receivers\` | which protocols are received, on which endpoints |
| \`live_store\` | when live spans become a block |
| \`storage.trace\` | where data is stored |
| \`query_frontend\` | bounds of searches and metrics queries; \`mcp_server.enabled\` for this very server |
| \`querier\` | memory for caches and for one query |
| \`overrides.defaults\` | limits of a tenant: ingestion rate, sizes, ranges, retention |

Example:

    server:
      http_listen_port: 3200
    distributor:
      receivers:
        otlp:
          protocols:
            grpc: { endpoint: 0.0.0.0:4317 }
            http: { endpoint: 0.0.0.0:4318 }
    storage:
      trace:
        backend: local
        local: { path: /var/lib/rubato }
    query_frontend:
      mcp_server: { enabled: true }
`;

/** @param defaults the configuration that an empty file stands for, as YAML */
export function configReference(defaults: string): string {
  const indented = defaults.replace(/^(?=.)/gm, '    ');
  return `# Configuration reference

Every key that has a default, with it. Durations are written like 30s or 1h30m; 0 often means no limit.

${indented}`;
}
