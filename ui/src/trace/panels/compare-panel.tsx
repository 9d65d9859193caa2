/** This trace against another one: where its time went instead. */
import { useMemo, useState } from 'preact/hooks';
import { useRequest } from '../../base/use-request.ts';
import { Button } from '../../components/button.tsx';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorState } from '../../components/error-state.tsx';
import { ServiceMark } from '../../components/service-mark.tsx';
import { formatCount } from '../../format/count.ts';
import { formatDuration } from '../../format/duration.ts';
import { serverSource, type TraceSource } from '../data/source.ts';
import { callTree } from '../model/call-tree.ts';
import { type ComparedNode, compareTrees } from '../model/compare.ts';
import { selfTimes } from '../model/times.ts';
import type { TraceView } from '../view/trace-view.ts';

const rowsMax = 1000;
const idForm = /^[0-9a-f]{8,32}$/i;

export interface ComparePanelProps {
  readonly view: TraceView;
  readonly other: string;
  readonly setOther: (id: string) => void;
}

export function ComparePanel({ view, other, setOther }: ComparePanelProps) {
  const [draft, setDraft] = useState(other);
  const { data, error, loading } = useRequest<TraceSource | undefined>(
    (ended) => (idForm.test(other) ? serverSource(other, ended) : Promise.resolve(undefined)),
    [other],
  );
  return (
    <>
      <form
        class="trace-panel-bar"
        onSubmit={(event) => {
          event.preventDefault();
          setOther(draft.trim().toLowerCase());
        }}
      >
        <label class="soft" for="trace-other">
          Before
        </label>
        <input
          id="trace-other"
          class="field mono trace-other"
          placeholder="Id of another trace"
          spellcheck={false}
          value={draft}
          onInput={(event) => setDraft(event.currentTarget.value)}
        />
        <Button type="submit" disabled={!idForm.test(draft.trim())}>
          Compare
        </Button>
        <span class="faint">{loading && other !== '' ? 'loading' : 'After is this trace'}</span>
      </form>
      {error !== undefined && !loading ? (
        <ErrorState error={error} />
      ) : data === undefined ? (
        <EmptyState title="Compare with another trace">
          <p>A slow request against a fast one of the same kind shows which calls are new, gone, or slower.</p>
        </EmptyState>
      ) : (
        <Comparison view={view} before={data} />
      )}
    </>
  );
}

function Comparison({ view, before }: { readonly view: TraceView; readonly before: TraceSource }) {
  const trace = view.trace.value;
  const self = view.self.value;
  const nodes = useMemo(
    () => compareTrees(callTree(before.trace, selfTimes(before.trace)), callTree(trace, self)),
    [before, trace, self],
  );
  const most = nodes.reduce((max, node) => Math.max(max, Math.abs(node.selfChange)), 1);
  return (
    <table class="table trace-compare" aria-label="Comparison by line of calls">
      <thead>
        <tr>
          <th scope="col">operation</th>
          <th scope="col" class="number">
            spans
          </th>
          <th scope="col" class="number">
            before
          </th>
          <th scope="col" class="number">
            after
          </th>
          <th scope="col" class="number">
            self, change
          </th>
          <th scope="col">
            <span class="unseen">change as a bar</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {nodes.slice(0, rowsMax).map((node, index) => (
          <ComparedRow key={index} node={node} most={most} />
        ))}
      </tbody>
    </table>
  );
}

function ComparedRow({ node, most }: { readonly node: ComparedNode; readonly most: number }) {
  const { operation, before, after, selfChange } = node;
  const state = before === undefined ? 'new' : after === undefined ? 'gone' : '';
  const counts = `${before === undefined ? '–' : formatCount(before.count)} → ${after === undefined ? '–' : formatCount(after.count)}`;
  return (
    <tr class={state}>
      <td>
        <span class="trace-compare-name" style={{ paddingLeft: `${Math.min(node.depth, 24) * 12}px` }}>
          <ServiceMark service={operation.service} /> <span class="soft">{operation.service}</span> {operation.name}{' '}
          {state !== '' && <em>{state}</em>}
        </span>
      </td>
      <td class="number">{before?.count === after?.count ? formatCount(after?.count ?? 0) : counts}</td>
      <td class="number">{before === undefined ? '' : formatDuration(before.total)}</td>
      <td class="number">{after === undefined ? '' : formatDuration(after.total)}</td>
      <td class="number">
        {selfChange > 0 ? '+' : ''}
        {formatDuration(selfChange)}
      </td>
      <td>
        <span class="trace-change">
          <span
            class={selfChange > 0 ? 'slower' : 'faster'}
            style={{ width: `${(Math.abs(selfChange) / most) * 50}%` }}
          />
        </span>
      </td>
    </tr>
  );
}
