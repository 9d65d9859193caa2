/** What a process offers to other machines, and how openly; said once, loudly, when it starts. */

import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { ReceiverSpec } from '../roles/write/receivers.ts';
import { asksCredentials } from './config/auth-schema.ts';
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

/**
 * What must not start: a principal that may do nothing, and datagrams, which nobody can be asked about, from other machines.
 * @throws RubatoError config
 */
export function checkAccess(
  { auth, multitenancy_enabled: multitenancy }: Pick<Config, 'auth' | 'multitenancy_enabled'>,
  receivers: readonly ReceiverSpec[],
): void {
  if (!asksCredentials(auth)) return;
  const refuse = (message: string): never => {
    throw new RubatoError(ErrorKind.config, 'bad_auth', `auth: ${message}`);
  };
  const { jwt, trusted_proxy: proxy } = auth;
  const somebody = [
    ...auth.users.map((user) => ({ ...user, where: `user ${user.name}` })),
    ...auth.tokens.map((token) => ({ ...token, where: `token ${token.name}` })),
    ...(jwt === undefined ? [] : [{ ...claimed(jwt, jwt.roles_claim, jwt.tenants_claim), where: 'jwt' }]),
    ...(proxy === undefined
      ? []
      : [{ ...claimed(proxy, proxy.roles_header, proxy.tenants_header), where: 'trusted_proxy' }]),
  ];
  for (const { where, roles, tenants } of somebody) {
    if (roles.length === 0) refuse(`${where} has no roles`);
    if (multitenancy && tenants.length === 0) refuse(`${where} has no tenants; ["*"] is all`);
  }
  const udp = receivers.find((spec) => spec.type.startsWith('jaeger/thrift_') && !('bodyBytesMax' in spec));
  if (udp !== undefined && 'host' in udp && !isLoopback(udp.host))
    refuse(`senders of ${udp.type} cannot be asked who they are: let it listen on localhost`);
}

/** What is taken from a claim or a header counts as there. */
function claimed(
  { roles, tenants }: { readonly roles: readonly string[]; readonly tenants: readonly string[] },
  rolesFrom: string,
  tenantsFrom: string,
): { roles: readonly string[]; tenants: readonly string[] } {
  return { roles: rolesFrom === '' ? roles : ['*'], tenants: tenantsFrom === '' ? tenants : ['*'] };
}

export function warnOfExposure(
  { auth }: Pick<Config, 'auth'>,
  exposed: readonly Exposed[],
  log: { warn(fields: object, message: string): void },
): void {
  const names = (list: readonly Exposed[]): string[] => list.map(({ name, address }) => `${name} ${address}`);
  if (!asksCredentials(auth)) {
    if (exposed.length > 0)
      log.warn(
        { listeners: names(exposed) },
        'EVERYBODY WHO REACHES THESE ADDRESSES MAY READ AND WRITE ALL DATA: nobody is asked who they are (auth)',
      );
    return;
  }
  const plain = exposed.filter(({ tls }) => !tls);
  if (plain.length > 0)
    log.warn(
      { listeners: names(plain) },
      'credentials cross the network in plain text: set TLS, or have a proxy do it',
    );
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
