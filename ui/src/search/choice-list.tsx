/** A field over a list: type to narrow, ↑↓ and Enter or a click to choose. What is typed can be chosen too, if wanted. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';

export interface Choice {
  readonly key: string;
  readonly label: string;
  readonly note?: string;
}

/** `undefined` while they are loaded. */
type Loaded = readonly Choice[] | undefined;

export interface ChoiceListProps {
  readonly label: string;
  readonly load: () => Promise<readonly Choice[]>;
  readonly choose: (choice: Choice) => void;
  /** Makes a choice of what is typed. */
  readonly own?: (text: string) => Choice | undefined;
}

const shownMax = 200;

export function ChoiceList({ label, load, choose, own }: ChoiceListProps) {
  const [choices, setChoices] = useState<Loaded>(undefined);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let live = true;
    input.current?.focus();
    load().then(
      (loaded) => live && setChoices(loaded),
      () => live && setChoices([]),
    );
    return () => {
      live = false;
    };
  }, []);
  const wanted = text.trim().toLowerCase();
  const found = (choices ?? []).filter((choice) => choice.label.toLowerCase().includes(wanted)).slice(0, shownMax);
  const written = wanted === '' ? undefined : own?.(text.trim());
  const shown = written === undefined || found.some(({ key }) => key === written.key) ? found : [...found, written];
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') setAt(Math.min(at + 1, shown.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    else if (event.key === 'Enter' && shown[at] !== undefined) choose(shown[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  useEffect(() => list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }), [at]);
  return (
    <div class="choice-list">
      <input
        ref={input}
        class="field"
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={shown.length > 0 ? `${id}-${at}` : undefined}
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={`${id}-list`} role="listbox" aria-label={label} class="choices" hidden={shown.length === 0}>
        {shown.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the field, as with every combobox
          <div
            key={choice.key}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            class="choice"
            onPointerMove={() => setAt(index)}
            onClick={() => choose(choice)}
          >
            <span class="ellipsis">{choice.label}</span>
            {choice.note !== undefined && <span class="faint">{choice.note}</span>}
          </div>
        ))}
      </div>
      {shown.length === 0 && <p class="choice-none">{choices === undefined ? 'Loading …' : 'No such choice'}</p>}
    </div>
  );
}
