/** A note beside the pointer, kept inside the window. For canvases; text in the page uses `title`. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface TooltipProps {
  /** Of the pointer, in the window. */
  readonly x: number;
  readonly y: number;
  readonly children: ComponentChildren;
}

const gap = 12;

export function Tooltip({ x, y, children }: TooltipProps) {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = root.current!;
    const { width, height } = element.getBoundingClientRect();
    const left = x + gap + width > innerWidth ? x - gap - width : x + gap;
    const top = y + gap + height > innerHeight ? y - gap - height : y + gap;
    element.style.left = `${Math.max(0, left)}px`;
    element.style.top = `${Math.max(0, top)}px`;
  });
  return (
    <div ref={root} class="tooltip" role="tooltip">
      {children}
    </div>
  );
}
