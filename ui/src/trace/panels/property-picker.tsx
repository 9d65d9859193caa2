/** Chooses what to colour or count by: an intrinsic, or an attribute that the trace knows. */
import { useState } from 'preact/hooks';
import { Menu, MenuItem } from '../../components/menu.tsx';
import { intrinsics } from '../model/values.ts';
import type { TraceView } from '../view/trace-view.ts';

export interface PropertyPickerProps {
  readonly view: TraceView;
  readonly title: string;
  readonly value: string;
  readonly choose: (name: string) => void;
  /** Service and name together. */
  readonly withOperation?: boolean;
}

const shownMax = 200;

export function PropertyPicker({ view, title, value, choose, withOperation = false }: PropertyPickerProps) {
  const [find, setFind] = useState('');
  const names = [
    ...(withOperation ? ['operation'] : []),
    ...intrinsics,
    ...view.source.trace.attributes.map(({ scope, key }) => `${scope}.${key}`),
  ];
  const found = names.filter((name) => name.toLowerCase().includes(find.trim().toLowerCase()));
  return (
    <Menu role="dialog" title={title} label={value}>
      {(close) => (
        <div class="trace-picker">
          <input
            class="field"
            aria-label="Find an attribute"
            placeholder="Find an attribute"
            value={find}
            onInput={(event) => setFind(event.currentTarget.value)}
          />
          <div class="trace-picker-list" role="menu" aria-label={title}>
            {found.slice(0, shownMax).map((name) => (
              <MenuItem
                key={name}
                checked={name === value}
                onClick={() => {
                  choose(name);
                  close();
                }}
              >
                {name}
              </MenuItem>
            ))}
          </div>
        </div>
      )}
    </Menu>
  );
}
