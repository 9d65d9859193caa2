import { useRef, useState } from 'preact/hooks';
import type { View } from './geometry.ts';

/** Moves the picture with the pointer. A drag that began on a link does not follow it. */
export function useDrag(view: View, move: (view: View) => void) {
  const from = useRef<{ readonly x: number; readonly y: number; readonly view: View } | undefined>(undefined);
  const dragged = useRef(false);
  const [active, setActive] = useState(false);
  const end = (): void => {
    from.current = undefined;
    setActive(false);
  };
  return {
    active,
    handlers: {
      onPointerDown(event: PointerEvent) {
        dragged.current = false;
        if (event.button === 0) from.current = { x: event.clientX, y: event.clientY, view };
      },
      onPointerMove(event: PointerEvent & { readonly currentTarget: Element }) {
        if (from.current === undefined) return;
        const [dx, dy] = [event.clientX - from.current.x, event.clientY - from.current.y];
        if (!dragged.current && Math.hypot(dx, dy) < 4) return;
        if (!dragged.current) event.currentTarget.setPointerCapture(event.pointerId);
        dragged.current = true;
        setActive(true);
        const start = from.current.view;
        move({ ...start, x: start.x + dx, y: start.y + dy });
      },
      onPointerUp: end,
      onPointerCancel: end,
      onClickCapture(event: MouseEvent) {
        if (dragged.current) event.preventDefault();
        dragged.current = false;
      },
      onDragStart: (event: DragEvent) => event.preventDefault(),
    },
  };
}
