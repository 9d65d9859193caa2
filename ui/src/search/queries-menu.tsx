/** Saved and recent queries, and the form that saves this one. */
import { useRef, useState } from 'preact/hooks';
import { useKeys } from '../app/keys.ts';
import { href } from '../app/router.ts';
import { Button } from '../components/button.tsx';
import { Icon } from '../components/icons.tsx';
import { Menu } from '../components/menu.tsx';
import { formatAgo } from '../format/time.ts';
import { forgetQuery, recentQueries, savedQueries, saveQuery } from './saved-queries.ts';
import { type SearchState, searchParams } from './search-state.ts';
import './queries.css';

export function QueriesMenu({ state }: { readonly state: SearchState }) {
  const button = useRef<HTMLButtonElement>(null);
  useKeys(() => [
    { keys: 'q', does: 'Saved and recent queries; save this one', group: 'Search', run: () => button.current?.click() },
  ]);
  return (
    <Menu
      role="dialog"
      alignEnd
      title="Saved and recent queries (q)"
      buttonRef={button}
      label={
        <>
          <Icon name="star" />
          <span class="search-wide">Queries</span>
        </>
      }
    >
      {(close) => <Sheet state={state} close={close} />}
    </Menu>
  );
}

function Sheet({ state, close }: { readonly state: SearchState; readonly close: () => void }) {
  const { q, columns, sort } = state;
  const [name, setName] = useState('');
  const saved = savedQueries.value;
  const nowMs = Date.now();
  return (
    <div class="queries">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== '') saveQuery({ name: name.trim(), q, columns, sort });
          setName('');
        }}
      >
        <input
          class="field"
          aria-label="Name of this query"
          placeholder="Name this query"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Button type="submit" disabled={name.trim() === ''}>
          Save
        </Button>
      </form>
      <p class="faint">
        It stays in this browser, with its columns and order. The address of the page is the same for others.
      </p>
      {saved.length > 0 && (
        <section>
          <h3>Saved</h3>
          {saved.map((query) => (
            <div class="queries-item" key={query.name}>
              <QueryLink to={href('/search', searchParams(query))} text={query.name} note={query.q} close={close} />
              <button
                type="button"
                class="chip-remove"
                aria-label={`Forget ${query.name}`}
                onClick={() => forgetQuery(query.name)}
              >
                <Icon name="close" />
              </button>
            </div>
          ))}
        </section>
      )}
      {recentQueries.value.length > 0 && (
        <section>
          <h3>Recent</h3>
          {recentQueries.value.map((query) => (
            <div class="queries-item" key={query.q}>
              <QueryLink
                to={href('/search', searchParams({ q: query.q, columns, sort }))}
                text={query.q}
                note={formatAgo(query.atMs, nowMs)}
                close={close}
                mono
              />
            </div>
          ))}
        </section>
      )}
    </div>
  );
}

interface QueryLinkProps {
  readonly to: string;
  readonly text: string;
  readonly note: string;
  readonly close: () => void;
  readonly mono?: boolean;
}

function QueryLink({ to, text, note, close, mono = false }: QueryLinkProps) {
  return (
    <a class="menu-item" href={to} title={text} onClick={close}>
      <span class={mono ? 'mono ellipsis' : 'ellipsis queries-name'}>{text}</span>
      <span class={mono ? 'faint queries-note' : 'mono faint ellipsis'}>{note}</span>
    </a>
  );
}
