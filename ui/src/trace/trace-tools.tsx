/** What can be done with the chart: filter, errors, colours, folding, critical path, clocks. */
import { useEffect, useState } from 'preact/hooks';
import { param, setParams } from '../app/router.ts';
import { Button } from '../components/button.tsx';
import { Icon } from '../components/icons.tsx';
import { formatCount } from '../format/count.ts';
import { PropertyPicker } from './panels/property-picker.tsx';
import type { TraceView } from './view/trace-view.ts';

export const filterFieldId = 'trace-filter';
/** While somebody types. */
const waitMs = 250;

export function TraceTools({ view, reload }: { readonly view: TraceView; readonly reload: () => void }) {
  const given = param('filter');
  const [draft, setDraft] = useState(given);
  const { matches, count, problem, busy } = view.filter.value;
  useEffect(() => setDraft(given), [given]);
  useEffect(() => {
    if (draft === given) return;
    const timer = setTimeout(() => setParams({ filter: draft }, { replace: true }), waitMs);
    return () => clearTimeout(timer);
  }, [draft]);
  const only = view.onlyMatches.value;
  const { errors } = view.totals;
  const errorsText = errors === 1 ? '1 error' : `${formatCount(errors)} errors`;
  return (
    <div class="trace-tools">
      <div class="trace-filter">
        <input
          id={filterFieldId}
          class="field"
          type="search"
          aria-label="Filter spans"
          aria-invalid={problem !== ''}
          placeholder="Filter: text, or status = error && duration > 20ms (f)"
          spellcheck={false}
          autocomplete="off"
          value={draft}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') view.selectNext(event.shiftKey ? -1 : 1, 'match');
            else if (event.key === 'Escape') event.currentTarget.blur();
            else return;
            event.preventDefault();
          }}
        />
        <span class={problem === '' ? 'trace-count faint' : 'trace-count error-text'} role="status">
          {problem !== '' ? problem : busy ? '…' : matches === undefined ? '' : `${formatCount(count)} spans`}
        </span>
        {matches !== undefined && (
          <>
            <Button kind="quiet" label="Match before (Shift Enter)" onClick={() => view.selectNext(-1, 'match')}>
              <Icon name="up" />
            </Button>
            <Button kind="quiet" label="Next match (Enter)" onClick={() => view.selectNext(1, 'match')}>
              <Icon name="down" />
            </Button>
            <Button
              pressed={only}
              label="Show only matches and what is above them"
              onClick={() => setParams({ only: only ? undefined : '1' }, { replace: true })}
            >
              Only matches
            </Button>
          </>
        )}
      </div>
      <div class="trace-tool-end">
        {errors > 0 && (
          <Button label={`${errorsText}: next (e)`} onClick={() => view.selectNext(1, 'error')}>
            <span class="error-text">{errorsText}</span>
          </Button>
        )}
        <span class="soft">Colour</span>
        <PropertyPicker
          view={view}
          title="Colour by"
          value={view.colouring.value.name}
          choose={(name) => setParams({ colour: name === 'service' ? undefined : name }, { replace: true })}
        />
        <Button pressed={view.showCritical.value} label="Critical path (c)" onClick={() => view.toggleCritical()}>
          Critical path
        </Button>
        {view.skew !== undefined && (
          <Button
            pressed={view.correctSkew.value}
            label={`Clocks corrected: they disagree, ${formatCount(view.skew.rows)} spans are moved into their callers`}
            onClick={() => {
              view.correctSkew.value = !view.correctSkew.value;
            }}
          >
            Clocks corrected
          </Button>
        )}
        <Button kind="quiet" label="Collapse all (C)" onClick={() => view.collapseAll()}>
          Collapse
        </Button>
        <Button kind="quiet" label="Expand all (X)" onClick={() => view.expandAll()}>
          Expand
        </Button>
        {view.source.fileName === '' && (
          <Button kind="quiet" label="Load again" onClick={reload}>
            <Icon name="refresh" />
          </Button>
        )}
      </div>
    </div>
  );
}
