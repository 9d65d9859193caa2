/** The browser's own modal dialog: it holds the focus, closes on Escape and on a click beside it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from './button.tsx';
import { Icon } from './icons.tsx';

export interface DialogProps {
  readonly title: string;
  readonly close: () => void;
  /** Without head and padding. */
  readonly bare?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, close, bare = false, children }: DialogProps) {
  const root = useRef<HTMLDialogElement>(null);
  useEffect(() => root.current?.showModal(), []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the dialog's own key
    <dialog
      ref={root}
      class="dialog"
      aria-label={title}
      onClose={close}
      onClick={(event) => {
        if (event.target === root.current) close();
      }}
    >
      {bare ? (
        children
      ) : (
        <>
          <div class="dialog-head">
            <h2>{title}</h2>
            <Button kind="quiet" label="Close" onClick={close}>
              <Icon name="close" />
            </Button>
          </div>
          <div class="dialog-body">{children}</div>
        </>
      )}
    </dialog>
  );
}
