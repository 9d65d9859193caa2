/** ⌘K: one field for a trace id, a query, a service or a page. */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { tagValues } from '../api/client.ts';
import { literal } from '../base/literal.ts';
import { Dialog } from '../components/dialog.tsx';
import { pages } from './pages.ts';
import { href, navigate } from './router.ts';

interface Command {
  readonly kind: string;
  readonly text: string;
  readonly to: string;
}

const state = signal<{ readonly text: string; readonly hint: string } | undefined>(undefined);

export function openCommandBox(text = '', hint = 'Trace id, query, service or page'): void {
  state.value = { text, hint };
}

/** What a text can mean, the likeliest first. */
export function commandsFor(text: string, services: readonly string[]): Command[] {
  const trimmed = text.trim();
  const lower = trimmed.toLowerCase();
  const commands: Command[] = [];
  if (/^[0-9a-f]{8,32}$/i.test(trimmed)) commands.push({ kind: 'Trace', text: lower, to: href(`/trace/${lower}`) });
  if (/^[{(]/.test(trimmed)) commands.push({ kind: 'Search', text: trimmed, to: href('/search', { q: trimmed }) });
  for (const page of pages) {
    if (page.name !== 'Trace' && page.name.toLowerCase().includes(lower))
      commands.push({ kind: 'Page', text: page.name, to: href(page.href) });
  }
  for (const service of services) {
    if (!service.toLowerCase().includes(lower)) continue;
    const q = `{ resource.service.name = ${literal(service)} }`;
    commands.push({ kind: 'Service', text: service, to: href('/search', { q }) });
    if (commands.length >= 12) break;
  }
  return commands;
}

export function CommandBox() {
  return state.value === undefined ? null : <OpenBox text={state.value.text} hint={state.value.hint} />;
}

function OpenBox(props: { readonly text: string; readonly hint: string }) {
  const [text, setText] = useState(props.text);
  const [services, setServices] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    input.current?.focus();
    const ended = new AbortController();
    tagValues('resource.service.name', {}, ended.signal).then(
      (answer) => setServices(answer.tagValues.map((value) => value.value ?? '')),
      // Pages and ids can still be chosen.
      () => undefined,
    );
    return () => ended.abort();
  }, []);
  const commands = commandsFor(text, services);
  const at = Math.min(chosen, Math.max(0, commands.length - 1));
  const close = (): void => {
    state.value = undefined;
  };
  const go = (command: Command | undefined): void => {
    if (command === undefined) return;
    close();
    navigate(command.to);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') setChosen(Math.min(at + 1, commands.length - 1));
    else if (event.key === 'ArrowUp') setChosen(Math.max(at - 1, 0));
    else if (event.key === 'Enter') go(commands[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Command box" close={close} bare>
      <input
        ref={input}
        class="command-input"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={commands.length > 0 ? `command-${at}` : undefined}
        aria-label={props.hint}
        placeholder={props.hint}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="commands" role="listbox" aria-label="Commands" class="command-list">
        {commands.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the field, as with every combobox
          <div
            key={command.to}
            id={`command-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            class="command"
            onPointerMove={() => setChosen(index)}
            onClick={() => go(command)}
          >
            <span class="command-kind">{command.kind}</span>
            <span class="ellipsis">{command.text}</span>
          </div>
        ))}
        {commands.length === 0 && <p class="command-none">A trace id is 32 hex digits; a query begins with {'{'}</p>}
      </div>
    </Dialog>
  );
}
