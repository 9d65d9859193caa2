/**
 * The trace page. What it shows stands in the address: `span`, `filter`, `only`, `colour`, `tab`, `by`, `with` (the trace
 * it is compared with), `window` (ns from–to). A file that is dropped anywhere on it opens without the server.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ApiError } from '../api/client.ts';
import type { PageProps } from '../app/pages.ts';
import { href, navigate } from '../app/router.ts';
import { tenant } from '../app/tenant.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorState } from '../components/error-state.tsx';
import { fileSource } from './data/file-source.ts';
import { serverSource, type TraceSource } from './data/source.ts';
import './trace.css';
import { TraceScreen } from './trace-screen.tsx';
import { TraceView } from './view/trace-view.ts';

/** The file that was dropped last, or what is wrong with it; shown at `/trace` without an id. */
const openFile = signal<{ readonly source?: TraceSource; readonly problem?: string } | undefined>(undefined);

export default function TracePage({ part }: PageProps) {
  useFileDrop();
  if (part !== '') return <StoredTrace key={`${tenant.value} ${part}`} id={part} />;
  const file = openFile.value;
  if (file?.source !== undefined)
    return <Opened key={file.source.fileName} source={file.source} reload={() => undefined} />;
  return (
    <EmptyState title={file?.problem === undefined ? 'Open a trace' : 'This file cannot be shown'}>
      {file?.problem !== undefined && <p class="error-text">{file.problem}</p>}
      <p>
        Press <kbd>t</kbd> for a trace id, or drop a file here: OTLP JSON, Jaeger JSON, or what this page saves.
      </p>
      <label class="button trace-file">
        Choose a file
        <input
          type="file"
          class="unseen"
          accept=".json,.jsonl,application/json"
          onChange={(event) => {
            const chosen = event.currentTarget.files?.[0];
            if (chosen !== undefined) void openTraceFile(chosen);
          }}
        />
      </label>
    </EmptyState>
  );
}

async function openTraceFile(file: File): Promise<void> {
  try {
    openFile.value = { source: fileSource(file.name, await file.text()) };
  } catch (error) {
    openFile.value = { problem: error instanceof Error ? error.message : String(error) };
  }
  navigate(href('/trace'));
}

function useFileDrop(): void {
  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      const file = event.dataTransfer?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      void openTraceFile(file);
    };
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, []);
}

function StoredTrace({ id }: { readonly id: string }) {
  const [tries, setTries] = useState(0);
  const [source, setSource] = useState<TraceSource | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const reload = (): void => setTries((count) => count + 1);
  useEffect(() => {
    const ended = new AbortController();
    setError(undefined);
    serverSource(id, ended.signal).then(setSource, (problem) => {
      if (!ended.signal.aborted) setError(problem);
    });
    return () => ended.abort();
  }, [id, tries]);
  if (error instanceof ApiError && error.status === 404) return <NoSuchTrace id={id} retry={reload} />;
  if (error !== undefined) return <ErrorState error={error} retry={reload} />;
  if (source === undefined) return <div class="trace-page" aria-busy="true" />;
  return <Opened source={source} reload={reload} />;
}

function NoSuchTrace({ id, retry }: { readonly id: string; readonly retry: () => void }) {
  return (
    <EmptyState title="There is no such trace">
      <p class="mono">{id}</p>
      <p>
        It may have been sampled away, be older than the retention, belong to another tenant
        {tenant.value === '' ? '' : ` than ${tenant.value}`}, or still be under way.
      </p>
      <p>
        <button type="button" class="button" onClick={retry}>
          Look again
        </button>
      </p>
    </EmptyState>
  );
}

function Opened({ source, reload }: { readonly source: TraceSource; readonly reload: () => void }) {
  const view = useMemo(() => new TraceView(source), [source]);
  return <TraceScreen key={source.trace.traceId} view={view} reload={reload} />;
}
