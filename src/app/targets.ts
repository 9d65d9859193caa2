/** `-target`: which roles a process runs. Tempo's names are accepted for the role that does the same here. */
import { ErrorKind, RubatoError } from '../base/errors.ts';
import type { Config } from './config/schema.ts';

export const roleNames = ['write', 'read', 'backend', 'metrics'] as const;
export type RoleName = (typeof roleNames)[number];

const targets: Readonly<Record<string, readonly RoleName[]>> = {
  all: roleNames,
  'scalable-single-binary': roleNames,
  write: ['write'],
  distributor: ['write'],
  ingester: ['write'],
  'live-store': ['write'],
  'block-builder': ['write'],
  read: ['read'],
  querier: ['read'],
  'query-frontend': ['read'],
  backend: ['backend'],
  compactor: ['backend'],
  'backend-scheduler': ['backend'],
  'backend-worker': ['backend'],
  metrics: ['metrics'],
  'metrics-generator': ['metrics'],
};

/** @param target a name, or several joined by commas. @throws RubatoError config */
export function rolesOf(target: string): ReadonlySet<RoleName> {
  const roles = new Set<RoleName>();
  for (const name of target.split(',').map((text) => text.trim())) {
    const known = Object.hasOwn(targets, name) ? targets[name] : undefined;
    if (known === undefined) {
      const names = Object.keys(targets).join(', ');
      throw new RubatoError(ErrorKind.config, 'bad_target', `unknown target ${name || '""'}; there are: ${names}`);
    }
    for (const role of known) roles.add(role);
  }
  return roles;
}

/**
 * Whether this process is the only one over its store: it runs everything, over a folder that it locks. Then there is nobody
 * to find or to be found by, and what earlier writers left behind belongs to it at once.
 */
export function isAlone(config: Config, roles: ReadonlySet<RoleName>): boolean {
  return config.storage.trace.backend === 'local' && roles.size === roleNames.length;
}
