/** What a process offers to other machines, and how openly; said once, loudly, when it starts. */
import type { ReceiverSpec } from '../roles/write/receivers.ts';
import type { Config } from './config/schema.ts';
import type { RoleName } from './targets.ts';

/** A listener that other machines can reach. */
export interface Exposed {
  readonly name: string;
  readonly address: string;
  readonly tls: boolean;
}

/** Listeners of this process that are not on the loopback interface. */
export function exposedListeners(
  { server }: Pick<Config, 'server'>,
  roles: ReadonlySet<RoleName>,
  receivers: readonly ReceiverSpec[],
): Exposed[] {
  const listeners: { name: string; host: string; port: number; tls: boolean }[] = [];
  const { http_tls_config: http, grpc_tls_config: grpc } = server;
  const speaksTls = ({ cert, cert_file }: typeof http): boolean => cert !== '' || cert_file !== '';
  listeners.push({
    name: 'http',
    host: server.http_listen_address,
    port: server.http_listen_port,
    tls: speaksTls(http),
  });
  if (roles.has('read')) {
    const { grpc_listen_address: host, grpc_listen_port: port } = server;
    listeners.push({ name: 'grpc', host, port, tls: speaksTls(grpc) });
  }
  for (const spec of roles.has('write') ? receivers : []) {
    if (spec.type === 'kafka') continue;
    listeners.push({ name: spec.type, host: spec.host, port: spec.port, tls: 'tls' in spec && spec.tls !== undefined });
  }
  return listeners
    .filter(({ host }) => !isLoopback(host))
    .map(({ name, host, port, tls }) => ({ name, address: `${host === '' ? '*' : host}:${port}`, tls }));
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
