/** The tenant whose data is shown: `tenant` in the address, else the one last used, else none. */
import { computed } from '@preact/signals';
import { recall, remember } from '../base/memory.ts';
import { param, setParams } from './router.ts';

const key = 'tenant';
const recentKey = 'tenants';
const recentMax = 8;

export const tenant = computed(() => param('tenant') || recall<string>(key, ''));

/** Those chosen before, the last first. */
export const recentTenants = (): readonly string[] => recall<readonly string[]>(recentKey, []);

export function setTenant(name: string): void {
  remember(key, name);
  if (name !== '') remember(recentKey, [name, ...recentTenants().filter((each) => each !== name)].slice(0, recentMax));
  setParams({ tenant: name });
}
