import { useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { CopyButton } from '../components/copy-button.tsx';
import { Icon } from '../components/icons.tsx';
import { ServiceMark } from '../components/service-mark.tsx';
import { formatCount } from '../format/count.ts';
import { formatDuration } from '../format/duration.ts';
import { formatClock, formatDate } from '../format/time.ts';
import { saveFile, toOtlpJson } from './data/export.ts';
import { operationOf } from './model/trace.ts';
import type { TraceView } from './view/trace-view.ts';

export function TraceHead({ view }: { readonly view: TraceView }) {
  const { trace, fileName } = view.source;
  const { totals } = view;
  const { service, name } = operationOf(trace, 0);
  const startMs = Number(trace.startUnixNano / 1_000_000n);
  const [notice, setNotice] = useState('');
  const save = (): void => {
    setNotice('');
    view.source.json().then(
      ({ resourceSpans, missing }) => {
        saveFile(`trace-${trace.traceId}.json`, toOtlpJson(resourceSpans));
        setNotice(missing);
      },
      (error) => setNotice(error instanceof Error ? error.message : String(error)),
    );
  };
  return (
    <header class="trace-head">
      <h1>
        <ServiceMark service={service} />
        <span class="soft">{service}</span> {name}
      </h1>
      <dl>
        <div>
          <dt>duration</dt>
          <dd>{formatDuration(totals.endNano)}</dd>
        </div>
        <div>
          <dt>{trace.spans === 1 ? 'span' : 'spans'}</dt>
          <dd>{formatCount(trace.spans)}</dd>
        </div>
        <div>
          <dt>{totals.services === 1 ? 'service' : 'services'}</dt>
          <dd>{formatCount(totals.services)}</dd>
        </div>
        <div class={totals.errors > 0 ? 'error-text' : undefined}>
          <dt>{totals.errors === 1 ? 'error' : 'errors'}</dt>
          <dd>{formatCount(totals.errors)}</dd>
        </div>
        <div>
          <dt>{formatDate(startMs)}</dt>
          <dd>{formatClock(startMs)}</dd>
        </div>
      </dl>
      <span class="trace-id mono" title={trace.traceId}>
        {fileName === '' ? trace.traceId : fileName}
      </span>
      <CopyButton text={trace.traceId} label="Copy the trace id" />
      <Button kind="quiet" label="Save as OTLP JSON" onClick={save}>
        <Icon name="down" /> Save
      </Button>
      {notice !== '' && (
        <span class="trace-save-notice" role="status">
          {notice}
        </span>
      )}
    </header>
  );
}
