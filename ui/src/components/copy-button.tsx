import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';

export function CopyButton({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      class="small-action"
      title={label}
      aria-label={label}
      onClick={() => {
        navigator.clipboard.writeText(text).then(
          () => {
            setDone(true);
            setTimeout(() => setDone(false), 1200);
          },
          // Without permission the text can still be selected.
          () => undefined,
        );
      }}
    >
      <Icon name={done ? 'check' : 'copy'} />
    </button>
  );
}
