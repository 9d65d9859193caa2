/**
 * Whose data is shown, where requests must name a tenant. The server tells nobody which tenants there are: those that were
 * looked at before can be chosen, others are typed in. Several are joined by `|`.
 */
import { useState } from 'preact/hooks';
import { uiSettings } from '../api/settings.ts';
import { Button } from '../components/button.tsx';
import { Menu, MenuItem } from '../components/menu.tsx';
import { recentTenants, setTenant, tenant } from './tenant.ts';

export function TenantPicker() {
  const name = tenant.value;
  if (!uiSettings.value.multitenancy && name === '') return null;
  return (
    <Menu kind="quiet" role="dialog" title="Tenant" alignEnd label={name === '' ? 'choose a tenant' : name}>
      {(close) => {
        const choose = (chosen: string): void => {
          setTenant(chosen);
          close();
        };
        return (
          <>
            <TenantForm name={name} choose={choose} />
            {recentTenants()
              .filter((each) => each !== name)
              .map((each) => (
                <MenuItem key={each} onClick={() => choose(each)}>
                  {each}
                </MenuItem>
              ))}
          </>
        );
      }}
    </Menu>
  );
}

function TenantForm({ name, choose }: { readonly name: string; readonly choose: (name: string) => void }) {
  const [draft, setDraft] = useState(name);
  return (
    <form
      class="tenant-form"
      onSubmit={(event) => {
        event.preventDefault();
        choose(draft.trim());
      }}
    >
      <input
        class="field"
        aria-label="Tenant"
        placeholder="none"
        spellcheck={false}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
      />
      <Button type="submit">Show</Button>
    </form>
  );
}
