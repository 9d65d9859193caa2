import type { ComponentChildren } from 'preact';

export interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: (event: MouseEvent) => void;
  readonly kind?: 'primary' | 'quiet';
  readonly type?: 'button' | 'submit';
  /** What it does, when its content does not say so; also its tooltip. */
  readonly label?: string;
  readonly pressed?: boolean;
  readonly disabled?: boolean;
}

export function Button({ children, onClick, kind, type = 'button', label, pressed, disabled }: ButtonProps) {
  return (
    <button
      type={type}
      class={kind === undefined ? 'button' : `button ${kind}`}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
