/** Where other processes reach this one. */
import os from 'node:os';
import type { Config } from './config/schema.ts';

/** `host:port`: as configured, or the address that it listens at, or the machine's first one that is not its own loop. */
export function advertisedAddress({ cluster, server }: Config, httpPort: number): string {
  const given = cluster.advertise_address;
  if (given !== '') return /:\d+$/.test(given) ? given : `${given}:${httpPort}`;
  const listens = server.http_listen_address;
  const host = ['', '0.0.0.0', '::'].includes(listens) ? outerAddress() : listens;
  return host.includes(':') ? `[${host}]:${httpPort}` : `${host}:${httpPort}`;
}

function outerAddress(): string {
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  const outer = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  return outer?.address ?? '127.0.0.1';
}
