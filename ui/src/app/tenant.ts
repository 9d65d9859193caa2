/** The tenant whose data is shown: `tenant` in the address, else the one last used, else none. */
import { computed } from '@preact/signals';
import { recall, remember } from '../base/memory.ts';
import { param, setParams } from './router.ts';

const key = 'tenant';

export const tenant = computed(() => param('tenant') || recall<string>(key, ''));

export function setTenant(name: string): void {
  remember(key, name);
  setParams({ tenant: name });
}
