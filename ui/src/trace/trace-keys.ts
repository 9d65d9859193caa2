/** Keys of the trace page; `?` lists them. */
import { useKeys } from '../app/keys.ts';
import { setParams } from '../app/router.ts';
import { filterFieldId } from './trace-tools.tsx';
import type { TraceView } from './view/trace-view.ts';

const group = 'Trace';

export function useTraceKeys(view: TraceView): void {
  useKeys(() => {
    /** Arrows belong to tabs, menus and texts that scroll when the focus is there. */
    const inChart = (event: KeyboardEvent): boolean =>
      !(event.target instanceof Element) || event.target.closest('.trace-detail, .trace-panel, .tabs, .menu') === null;
    const move = (keys: string, does: string, run: () => void) => ({
      keys,
      does,
      group,
      run: (event: KeyboardEvent) => (inChart(event) ? run() : false),
    });
    const middle = (): number => {
      const { from, to } = view.window.peek();
      const row = view.selected.peek();
      const start = row === -1 ? -1 : view.trace.peek().start[row]!;
      return start >= from && start <= to ? start : (from + to) / 2;
    };
    return [
      move('ArrowDown', 'Next row', () => view.move(1)),
      move('ArrowUp', 'Row before', () => view.move(-1)),
      move('ArrowRight', 'Expand, or first child', () => view.expandOrEnter()),
      move('ArrowLeft', 'Collapse, or parent', () => view.collapseOrLeave()),
      move('PageDown', 'A page down', () => view.scrollTo(view.top.peek() + view.height.peek())),
      move('PageUp', 'A page up', () => view.scrollTo(view.top.peek() - view.height.peek())),
      move('Home', 'First row', () => view.scrollTo(0)),
      move('End', 'Last row', () => view.scrollTo(view.topMax)),
      {
        keys: 'Enter',
        does: 'Details of the row',
        group,
        run: (event: KeyboardEvent) => {
          if (event.target instanceof Element && event.target.closest('button, a, summary, input') !== null)
            return false;
          if (view.selected.peek() === -1) view.move(1);
          document.querySelector<HTMLElement>('.trace-detail summary')?.focus();
          return undefined;
        },
      },
      { keys: 'e', does: 'Next error', group, run: () => view.selectNext(1, 'error') },
      { keys: 'E', does: 'Error before', group, run: () => view.selectNext(-1, 'error') },
      { keys: 'f', does: 'Filter', group, run: () => document.getElementById(filterFieldId)?.focus() },
      { keys: 'n', does: 'Next match', group, run: () => view.selectNext(1, 'match') },
      { keys: 'N', does: 'Match before', group, run: () => view.selectNext(-1, 'match') },
      { keys: 'c', does: 'Critical path', group, run: () => view.toggleCritical() },
      { keys: 'C', does: 'Collapse all', group, run: () => view.collapseAll() },
      { keys: 'X', does: 'Expand all', group, run: () => view.expandAll() },
      { keys: 'z', does: 'Zoom to the span', group, run: () => view.zoomToSpan(view.selected.peek()) },
      { keys: 'w', does: 'Zoom in', group, run: () => view.zoom(0.7, middle()) },
      { keys: 's', does: 'Zoom out', group, run: () => view.zoom(1 / 0.7, middle()) },
      { keys: 'a', does: 'Earlier', group, run: () => view.pan(-0.2) },
      { keys: 'd', does: 'Later', group, run: () => view.pan(0.2) },
      { keys: '0', does: 'Whole trace', group, run: () => view.resetZoom() },
      { keys: 'y', does: 'Copy link to the span', group, run: () => void navigator.clipboard.writeText(location.href) },
      {
        keys: 'Escape',
        does: 'Close the details',
        group,
        run: () => {
          if (view.measured.peek() !== undefined) view.measured.value = undefined;
          else if (view.selected.peek() !== -1) {
            view.selected.value = -1;
            setParams({ span: undefined }, { replace: true });
          }
        },
      },
    ];
  }, [view]);
}
