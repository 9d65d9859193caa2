/** Whose data is shown. There is no list to choose from: the server tells nobody which tenants there are. */
import { signal } from '@preact/signals';
import { Button } from '../components/button.tsx';
import { Menu } from '../components/menu.tsx';
import { setTenant, tenant } from './tenant.ts';

const draft = signal<string | undefined>(undefined);

export function TenantPicker() {
  const name = tenant.value;
  return (
    <Menu kind="quiet" role="dialog" title="Tenant" alignEnd label={name === '' ? 'tenant' : name}>
      {(close) => (
        <form
          class="tenant-form"
          onSubmit={(event) => {
            event.preventDefault();
            setTenant((draft.value ?? name).trim());
            draft.value = undefined;
            close();
          }}
        >
          <input
            class="field"
            aria-label="Tenant"
            placeholder="none"
            value={draft.value ?? name}
            onInput={(event) => (draft.value = event.currentTarget.value)}
          />
          <Button type="submit">Show</Button>
        </form>
      )}
    </Menu>
  );
}
