/** The agent's configuration file. docs/agent.md describes every key. */
import { z } from 'zod';
import { type Association, associationsDefault, identityKinds, wellKnownIdentities } from '../../agent/association.ts';
import { kubernetesRoles } from '../../agent/discovery/kubernetes-discovery.ts';
import { metadataDefault, metadataNames } from '../../agent/kubernetes/pod-attributes.ts';
import { compileRelabelRule, relabelActions } from '../../agent/relabel.ts';
import { compressions } from '../../agent/server-client.ts';
import { spoolBytesMin } from '../../agent/spool.ts';
import { receivers } from '../config/receivers.ts';
import { count, durationMs, orNull, port } from '../config/values.ts';
import { YamlFile } from '../config/yaml-file.ts';

const text = z.string().min(1);

const relabelConfig = z
  .strictObject({
    source_labels: z.array(z.string()).optional(),
    separator: z.string().optional(),
    regex: z.string().optional(),
    modulus: z.number().int().optional(),
    target_label: z.string().optional(),
    // A constant such as 8 or true is a text too.
    replacement: z.union([z.string(), z.number(), z.boolean()]).transform(String).optional(),
    action: z
      .string()
      .transform((action) => action.toLowerCase())
      .pipe(z.enum(relabelActions))
      .optional(),
  })
  .superRefine((config, context) => {
    try {
      compileRelabelRule(config);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

const credentials = {
  basic_auth: z
    .strictObject({ username: text, password: z.string().optional(), password_file: text.optional() })
    .refine(({ password, password_file }) => (password === undefined) !== (password_file === undefined), {
      error: 'needs either password or password_file',
    })
    .optional(),
  bearer_token: text.optional(),
  /** Read with every request. */
  bearer_token_file: text.optional(),
};

function oneCredential(config: { basic_auth?: unknown; bearer_token?: unknown; bearer_token_file?: unknown }): boolean {
  const given = [config.basic_auth, config.bearer_token, config.bearer_token_file];
  return given.filter((each) => each !== undefined).length <= 1;
}
const oneCredentialError = { error: 'only one of basic_auth, bearer_token and bearer_token_file' };

const staticConfig = z.strictObject({
  targets: z.array(text),
  labels: z.record(z.string(), z.string()).default({}),
});

const kubernetesSd = z.strictObject({
  role: z.enum(kubernetesRoles),
  namespaces: z.strictObject({ names: z.array(text).default([]) }).prefault({}),
  selectors: z
    .array(z.strictObject({ role: z.enum(kubernetesRoles), label: text.optional(), field: text.optional() }))
    .default([]),
});

const scrapeConfig = z.strictObject({
  job_name: text,
  static_configs: z.array(staticConfig).default([]),
  file_sd_configs: z
    .array(
      z.strictObject({
        files: z.array(z.string().regex(/\.(json|ya?ml)$/, 'must end in .json, .yml or .yaml')).min(1),
        refresh_interval: durationMs.default(5_000),
      }),
    )
    .default([]),
  http_sd_configs: z
    .array(
      z
        .strictObject({ url: z.url(), refresh_interval: durationMs.default(60_000), ...credentials })
        .refine(oneCredential, oneCredentialError),
    )
    .default([]),
  kubernetes_sd_configs: z.array(kubernetesSd).default([]),
  relabel_configs: z.array(relabelConfig).default([]),
});

const fieldRule = z
  .strictObject({ key: text.optional(), key_regex: text.optional(), tag_name: text.optional() })
  .refine(({ key, key_regex }) => (key === undefined) !== (key_regex === undefined), {
    error: 'needs either key or key_regex',
  });

const associationSource = z
  .strictObject({
    from: z.enum(['connection', 'resource_attribute']),
    name: text.optional(),
    is: z.enum(identityKinds).optional(),
  })
  .transform((source, context) => {
    if (source.from === 'connection') return { from: 'connection' as const };
    const name = source.name ?? '';
    const is = source.is ?? wellKnownIdentities[name];
    if (name !== '' && is !== undefined) return { from: 'resource_attribute' as const, name, is };
    const message =
      name === '' ? 'needs name' : `what ${name} is to a pod must be said: is: ${identityKinds.join(', ')}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const association = z
  .strictObject({ sources: z.array(associationSource).min(1) })
  .transform(({ sources }): Association => sources)
  .refine((sources) => !sources.some(isKind('namespace')) || sources.some(isKind('name')), {
    error: 'a namespace alone is no pod',
  })
  .refine((sources) => !sources.some(isKind('name')) || sources.some(isKind('namespace')), {
    error: 'a name is a pod only together with its namespace',
  });

function isKind(kind: string) {
  return (source: Association[number]): boolean => 'is' in source && source.is === kind;
}

const kubernetes = z.strictObject({
  /** Unset: the pod's service account. */
  kubeconfig_file: text.optional(),
  api_server: z.url().optional(),
  insecure_skip_verify: z.boolean().default(false),
  /** Only pods of this node; empty: of all. */
  node_name: z.string().default(''),
  /** Empty: not known. */
  own_pod_uid: z.string().default(''),
  own_pod_ip: z.string().default(''),
  extract: z
    .strictObject({
      metadata: z.array(z.enum(metadataNames)).default([...metadataDefault]),
      labels: z.array(fieldRule).default([{ key_regex: '.*' }]),
      annotations: z.array(fieldRule).default([]),
    })
    .prefault({}),
  pod_association: z.array(association).default([...associationsDefault]),
});

export const agentSchema = z.strictObject({
  server: z
    .strictObject({
      http_listen_address: z.string().default('127.0.0.1'),
      http_listen_port: port.default(3210),
      log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      log_format: z.enum(['json', 'logfmt']).default('json'),
    })
    .prefault({}),
  receivers: receivers.optional(),
  remote: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }).default('http://localhost:4318'),
      protocol: z.enum(['http', 'grpc']).default('http'),
      compression: z.enum(compressions).default('zstd'),
      timeout: durationMs.default(30_000),
      headers: z.record(z.string(), z.string()).default({}),
      batch_bytes: count.default(4 << 20),
      ...credentials,
      tls: z
        .strictObject({
          ca_file: text.optional(),
          cert_file: text.optional(),
          key_file: text.optional(),
          server_name: text.optional(),
          insecure_skip_verify: z.boolean().default(false),
        })
        .prefault({}),
    })
    .refine(oneCredential, oneCredentialError)
    .prefault({}),
  spool: z
    .strictObject({
      path: text.default('./agent-spool'),
      max_bytes: z
        .number()
        .int()
        .min(spoolBytesMin)
        .default(1 << 30),
    })
    .prefault({}),
  tenant: z
    .strictObject({
      /** Of what names none; empty: sent without. */
      default: z.string().default(''),
      /** Believe `X-Scope-OrgID` of senders. */
      from_header: z.boolean().default(true),
      /** An attribute or label whose value is the tenant, before the header. */
      from_attribute: z.string().default(''),
    })
    .prefault({}),
  /** How long the last spans may take to the server at the end; Kubernetes kills after 30 s. */
  shutdown_timeout: durationMs.default(10_000),
  cluster_name: z.string().default(''),
  /** Put on everything. */
  attributes: z.record(z.string(), z.string()).default({}),
  /** Who wins when a sender says it already. */
  existing_attributes: z.enum(['keep', 'replace']).default('keep'),
  wait_for_metadata: durationMs.default(2_000),
  kubernetes: orNull(kubernetes).optional(),
  scrape_configs: z
    .array(scrapeConfig)
    .refine((list) => new Set(list.map(({ job_name }) => job_name)).size === list.length, {
      error: 'two scrape_configs of one job_name',
    })
    .default([]),
});
export type AgentConfig = z.output<typeof agentSchema>;
export type Credentials = Pick<AgentConfig['remote'], 'basic_auth' | 'bearer_token' | 'bearer_token_file'>;

/** @param file name for messages. @throws RubatoError config: one line per mistake, each with its line number */
export function loadAgentConfig(content: string, file: string): AgentConfig {
  return new YamlFile(content, file).check(agentSchema);
}
