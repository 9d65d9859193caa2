/** `?`: every key that means something on this page. */
import { signal } from '@preact/signals';
import { Dialog } from '../components/dialog.tsx';
import { bindings } from './keys.ts';

const open = signal(false);

export function openKeyMap(): void {
  open.value = true;
}

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const shown: Readonly<Record<string, string>> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Enter: '⏎',
  Escape: 'Esc',
};

export function KeyCaps({ keys }: { readonly keys: string }) {
  const caps = keys.split(' ').flatMap((step) => {
    const bare = step.replace('mod+', '');
    return [
      ...(bare === step ? [] : [isMac ? '⌘' : 'Ctrl']),
      shown[bare] ?? (bare === step ? bare : bare.toUpperCase()),
    ];
  });
  return (
    <span class="key-caps">
      {caps.map((cap) => (
        <kbd key={cap}>{cap}</kbd>
      ))}
    </span>
  );
}

export function KeyMap() {
  if (!open.value) return null;
  const groups = Map.groupBy(bindings.value, (binding) => binding.group);
  return (
    <Dialog title="Keys" close={() => (open.value = false)}>
      <div class="key-map">
        {[...groups].map(([group, list]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {list.map((binding) => (
                <div key={binding.keys}>
                  <dt>
                    <KeyCaps keys={binding.keys} />
                  </dt>
                  <dd>{binding.does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
