/** Which rows of a long list of equal heights are in sight of `main`, which scrolls it. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Drawn above and below, so that scrolling shows no holes. */
const spare = 12;
const scrolledPixels = 200;

export interface VisibleRows {
  readonly first: number;
  readonly end: number;
}

export function useVisibleRows(list: RefObject<HTMLElement | null>, count: number, rowPixels: number): VisibleRows {
  const [visible, setVisible] = useState<VisibleRows>({ first: 0, end: 60 });
  useLayoutEffect(() => {
    const scroller = list.current?.closest('main');
    if (list.current === null || scroller === null || scroller === undefined) return;
    const measure = (): void => {
      if (list.current === null) return;
      const above = scroller.getBoundingClientRect().top - list.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(above / rowPixels) - spare);
      const end = Math.max(0, Math.ceil((above + scroller.clientHeight) / rowPixels) + spare);
      setVisible((before) => (before.first === first && before.end === end ? before : { first, end }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(scroller);
    observer.observe(list.current);
    scroller.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener('scroll', measure);
    };
  }, [count, rowPixels]);
  const first = Math.min(visible.first, count);
  return { first, end: Math.max(first, Math.min(visible.end, count)) };
}

/** Whether the top of the page is out of sight. */
export function useScrolled(): boolean {
  const [scrolled, setScrolled] = useState(false);
  useLayoutEffect(() => {
    const scroller = document.querySelector('main');
    if (scroller === null) return;
    const measure = (): void => setScrolled(scroller.scrollTop > scrolledPixels);
    measure();
    scroller.addEventListener('scroll', measure, { passive: true });
    return () => scroller.removeEventListener('scroll', measure);
  }, []);
  return scrolled;
}
