/** TraceQL for what the graph shows: the spans behind a node or an edge. */
import type { ServiceNodeJson } from '../../../src/api/contract/index.ts';
import { literal } from '../base/literal.ts';

export type NodeName = Pick<ServiceNodeJson, 'kind' | 'name' | 'system'>;

/** Keys that name a peer; see docs/http-api.md. */
const peerKeys = {
  database: {
    system: ['db.system.name', 'db.system'],
    name: ['peer.service', 'db.namespace', 'db.name', 'server.address', 'net.peer.name'],
  },
  messaging: {
    system: ['messaging.system'],
    name: ['messaging.destination.name', 'messaging.destination', 'peer.service'],
  },
  external: {
    system: [],
    name: ['peer.service', 'server.address', 'net.peer.name', 'http.host', 'rpc.service'],
  },
} as const;

/** Conditions on the requests that a node took. */
function conditions({ kind, name, system }: NodeName): string[] {
  if (kind === 'service') return [serviceIs(name)];
  const { system: systemKeys, name: nameKeys } = peerKeys[kind];
  const any = (keys: readonly string[], value: string): string =>
    `(${keys.map((key) => `span.${key} = ${literal(value)}`).join(' || ')})`;
  const list = kind === 'database' ? ['kind = client'] : [];
  if (system !== '' && systemKeys.length > 0) list.push(any(systemKeys, system));
  if (name !== system) list.push(any(nameKeys, name));
  return list;
}

const serviceIs = (name: string): string =>
  name === '' ? '!(resource.service.name != "")' : `resource.service.name = ${literal(name)}`;

export function nodeQuery(node: NodeName, ...more: readonly string[]): string {
  return `{ ${[...conditions(node), ...more].join(' && ')} }`;
}

export function edgeQuery(from: NodeName, to: NodeName): string {
  if (from.kind !== 'service')
    return `{ ${[serviceIs(to.name), 'kind = consumer', ...conditions(from)].join(' && ')} }`;
  if (to.kind !== 'service') return `{ ${[serviceIs(from.name), ...conditions(to)].join(' && ')} }`;
  return `{ ${serviceIs(from.name)} } > { ${serviceIs(to.name)} }`;
}
