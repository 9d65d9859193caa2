/** A button that opens a sheet: a list of choices, or anything else. Escape, a click elsewhere and a choice close it. */
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icons.tsx';

export interface MenuProps {
  readonly label: ComponentChildren;
  /** What it is for. */
  readonly title: string;
  /** The sheet's right edge meets the button's. */
  readonly alignEnd?: boolean;
  readonly kind?: 'quiet';
  /** `dialog` for a sheet with fields in it. Default: a list of choices. */
  readonly role?: 'menu' | 'dialog';
  /** For keys that open it. */
  readonly buttonRef?: RefObject<HTMLButtonElement | null>;
  readonly children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, title, alignEnd = false, kind, role = 'menu', buttonRef, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  };
  useEffect(() => {
    if (!open) return;
    // Content that has a better place for the focus took it.
    if (sheet.current?.contains(document.activeElement) !== true)
      sheet.current?.querySelector<HTMLElement>('[aria-checked="true"], button, input')?.focus();
    const onPointerDown = (event: PointerEvent): void => {
      if (root.current !== null && !event.composedPath().includes(root.current)) setOpen(false);
    };
    addEventListener('pointerdown', onPointerDown);
    return () => removeEventListener('pointerdown', onPointerDown);
  }, [open]);
  useLayoutEffect(() => {
    if (open) keepInWindow(sheet.current!);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!open) return;
    if (event.key === 'Escape') close();
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveFocus(sheet.current, event);
    else if (event.key === 'Tab' && role === 'menu') setOpen(false);
    else return;
    if (event.key !== 'Tab') event.preventDefault();
    event.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the button and the sheet inside
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button
        ref={(buttonRef ?? null) as RefObject<HTMLButtonElement> | null}
        type="button"
        class={kind === undefined ? 'button' : `button ${kind}`}
        title={title}
        aria-haspopup={role}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {label}
        <Icon name="down" />
      </button>
      {open && (
        // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles take a name
        <div ref={sheet} class={alignEnd ? 'menu-sheet end' : 'menu-sheet'} role={role} aria-label={title}>
          {children(close)}
        </div>
      )}
    </div>
  );
}

const edgePixels = 8;

/** Moves a sheet sideways that would reach out of the window. */
function keepInWindow(sheet: HTMLElement): void {
  const { left, right } = sheet.getBoundingClientRect();
  const beyond = Math.max(0, right - (document.documentElement.clientWidth - edgePixels));
  const shift = Math.max(-beyond, edgePixels - left);
  if (beyond > 0 || left < edgePixels) sheet.style.translate = `${shift}px`;
}

function moveFocus(sheet: HTMLElement | null, event: KeyboardEvent): void {
  if (sheet === null || (event.composedPath()[0] as Element).tagName === 'INPUT') return;
  const items = [...sheet.querySelectorAll<HTMLElement>('.menu-item')];
  const at = items.indexOf(document.activeElement as HTMLElement);
  items.at((at + (event.key === 'ArrowDown' ? 1 : -1)) % items.length)?.focus();
}

export interface MenuItemProps {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  /** For one choice of several. */
  readonly checked?: boolean;
}

export function MenuItem({ children, onClick, checked }: MenuItemProps) {
  const choice = checked === undefined ? {} : { role: 'menuitemradio' as const, 'aria-checked': checked };
  return (
    <button type="button" role="menuitem" {...choice} class="menu-item" tabIndex={-1} onClick={onClick}>
      {children}
    </button>
  );
}
