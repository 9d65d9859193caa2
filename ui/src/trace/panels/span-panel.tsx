/** Beside the chart: everything about the selected span. */
import { useEffect, useState } from 'preact/hooks';
import type { UiSettings } from '../../../../src/api/contract/index.ts';
import { href } from '../../app/router.ts';
import { literal } from '../../base/literal.ts';
import { Button } from '../../components/button.tsx';
import { CopyButton } from '../../components/copy-button.tsx';
import { ErrorState } from '../../components/error-state.tsx';
import { Icon } from '../../components/icons.tsx';
import { ServiceMark } from '../../components/service-mark.tsx';
import { formatDuration } from '../../format/duration.ts';
import { formatClock, formatDate } from '../../format/time.ts';
import type { Attribute, SpanDetail } from '../data/detail.ts';
import { serviceOf } from '../data/file-source.ts';
import { kindNames, statusNames } from '../model/values.ts';
import type { TraceView } from '../view/trace-view.ts';
import { outsideLinks } from './links.ts';

export interface LoadedSpan {
  readonly row: number;
  readonly detail: SpanDetail | undefined;
  readonly error: unknown;
}

/** The selected span's detail. The last one stays until the next is there, so that nothing flickers. */
export function useSpan(view: TraceView): LoadedSpan | undefined {
  const row = view.selected.value;
  const [loaded, setLoaded] = useState<LoadedSpan | undefined>(undefined);
  useEffect(() => {
    if (row === -1) {
      setLoaded(undefined);
      return;
    }
    const ended = new AbortController();
    // Somebody who walks through the rows with the arrow keys does not ask about each.
    const timer = setTimeout(() => {
      view.source.detail(row, ended.signal).then(
        (detail) => setLoaded({ row, detail, error: undefined }),
        (error) => {
          if (!ended.signal.aborted) setLoaded({ row, detail: undefined, error });
        },
      );
    }, 40);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [view, row]);
  return loaded;
}

export interface SpanPanelProps {
  readonly view: TraceView;
  readonly span: LoadedSpan;
  readonly settings: UiSettings;
  readonly close: () => void;
  readonly filterBy: (condition: string) => void;
}

export function SpanPanel({ view, span, settings, close, filterBy }: SpanPanelProps) {
  const { detail, row } = span;
  return (
    <aside class="trace-detail" aria-label="Span">
      {detail === undefined ? (
        <ErrorState error={span.error ?? new Error('The server does not have this span any more.')} />
      ) : (
        <Detail view={view} row={row} span={detail} settings={settings} filterBy={filterBy} close={close} />
      )}
    </aside>
  );
}

interface DetailProps extends Omit<SpanPanelProps, 'span'> {
  readonly row: number;
  readonly span: SpanDetail;
}

function Detail({ view, row, span, settings, close, filterBy }: DetailProps) {
  const service = serviceOf(span.resource);
  const trace = view.trace.value;
  const startMs = Number(span.startUnixNano / 1_000n) / 1_000;
  const links = outsideLinks(settings.spanLinks, span);
  return (
    <>
      <header class="trace-detail-head">
        <div>
          <p class="soft">
            <ServiceMark service={service} /> {service || 'no service'}
          </p>
          <h2>{span.name || '(no name)'}</h2>
        </div>
        <Button kind="quiet" label="Close (Esc)" onClick={close}>
          <Icon name="close" />
        </Button>
      </header>
      <dl class="trace-facts trace-detail-facts">
        <dt>duration</dt>
        <dd>{formatDuration(trace.duration[row]!)}</dd>
        <dt>self</dt>
        <dd>{formatDuration(view.self.value[row]!)}</dd>
        <dt>start</dt>
        <dd title={`${formatDate(startMs)} ${formatClock(startMs)}`}>
          {formatDuration(trace.start[row]!)} <span class="faint">{formatClock(startMs)}</span>
        </dd>
        <dt>kind</dt>
        <dd>{kindNames[span.kind] ?? span.kind}</dd>
        <dt>status</dt>
        <dd class={span.status === 2 ? 'error-text' : undefined}>
          {statusNames[span.status] ?? span.status}
          {span.statusMessage !== '' && `: ${span.statusMessage}`}
        </dd>
      </dl>
      {links.length > 0 && (
        <p class="trace-outside">
          {links.map(({ name, url }) => (
            <a key={name} href={url} target="_blank" rel="noreferrer noopener" class="button">
              {name} ↗
            </a>
          ))}
        </p>
      )}
      <Attributes title="Attributes" scope="span" attributes={span.attributes} filterBy={filterBy} open />
      <Dropped count={span.dropped.attributes} what="attributes" />
      <Events span={span} />
      <Dropped count={span.dropped.events} what="events" />
      <Links span={span} />
      <Dropped count={span.dropped.links} what="links" />
      <Attributes title="Resource" scope="resource" attributes={span.resource} filterBy={filterBy} open />
      <Attributes title="Scope" scope="" attributes={scopeFacts(span)} filterBy={filterBy} />
      <Attributes title="Ids" scope="" attributes={idFacts(span)} filterBy={filterBy} />
      <Fold title="JSON">
        <CopyButton text={JSON.stringify(span.json, undefined, 2)} />
        <pre class="trace-json">{JSON.stringify(span.json, undefined, 2)}</pre>
      </Fold>
    </>
  );
}

const textFact = (key: string, value: string): Attribute => ({ key, value, type: 'other' });

function scopeFacts({ scope }: SpanDetail): Attribute[] {
  const named = scope.name === '' ? [] : [textFact('name', scope.name)];
  return [...named, ...(scope.version === '' ? [] : [textFact('version', scope.version)]), ...scope.attributes];
}

function idFacts(span: SpanDetail): Attribute[] {
  return [
    textFact('trace', span.traceId),
    textFact('span', span.spanId),
    textFact('parent', span.parentSpanId === '' ? 'none' : span.parentSpanId),
    ...(span.traceState === '' ? [] : [textFact('state', span.traceState)]),
  ];
}

function Fold(props: {
  readonly title: string;
  readonly count?: number;
  readonly open?: boolean;
  readonly children: preact.ComponentChildren;
}) {
  return (
    <details class="trace-section" open={props.open}>
      <summary>
        {props.title}
        {props.count !== undefined && <span class="faint"> {props.count}</span>}
      </summary>
      {props.children}
    </details>
  );
}

function Dropped({ count, what }: { readonly count: number; readonly what: string }) {
  return count === 0 ? null : (
    <p class="trace-dropped">
      {count} more {what} were dropped by the sender
    </p>
  );
}

interface AttributesProps {
  readonly title: string;
  readonly scope: 'span' | 'resource' | '';
  readonly attributes: readonly Attribute[];
  readonly filterBy: (condition: string) => void;
  readonly open?: boolean;
}

function Attributes({ title, scope, attributes, filterBy, open = false }: AttributesProps) {
  if (attributes.length === 0) return null;
  const sorted = attributes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return (
    <Fold title={title} count={attributes.length} open={open}>
      <dl class="trace-attributes">
        {sorted.map((attribute, index) => (
          <AttributeRow key={`${index} ${attribute.key}`} scope={scope} attribute={attribute} filterBy={filterBy} />
        ))}
      </dl>
    </Fold>
  );
}

/** Longer values are cut until somebody wants them: a prompt or a document can be megabytes. */
const valueShownMax = 600;

function AttributeRow(props: {
  readonly scope: 'span' | 'resource' | '';
  readonly attribute: Attribute;
  readonly filterBy: (condition: string) => void;
}) {
  const { scope, attribute } = props;
  const [whole, setWhole] = useState(false);
  const text = String(attribute.value);
  const condition = scope === '' ? undefined : conditionOf(scope, attribute);
  return (
    <div>
      <dt>{attribute.key}</dt>
      <dd class={attribute.type === 'string' ? undefined : 'trace-value-typed'}>
        {whole ? text : text.slice(0, valueShownMax)}
        {!whole && text.length > valueShownMax && (
          <button type="button" class="trace-more" onClick={() => setWhole(true)}>
            … all {text.length.toLocaleString('en')} characters
          </button>
        )}
        <span class="trace-actions">
          <CopyButton text={text} />
          {condition !== undefined && (
            <>
              <button
                type="button"
                class="small-action"
                title={`Filter this trace by ${condition}`}
                onClick={() => props.filterBy(condition)}
              >
                filter
              </button>
              <a class="small-action" href={href('/search', { q: `{ ${condition} }` })} title={`Search ${condition}`}>
                query
              </a>
            </>
          )}
        </span>
      </dd>
    </div>
  );
}

/** As TraceQL says it; undefined for values that no literal stands for. */
function conditionOf(scope: string, { key, value, type }: Attribute): string | undefined {
  if (type === 'other') return undefined;
  const name = /^[A-Za-z_][\w.\-/]*$/.test(key) ? key : JSON.stringify(key);
  return `${scope}.${name} = ${typeof value === 'string' && type === 'string' ? literal(value) : value}`;
}

function Events({ span }: { readonly span: SpanDetail }) {
  if (span.events.length === 0) return null;
  return (
    <Fold title="Events" count={span.events.length} open>
      {span.events.map((event, index) => {
        const find = (key: string): string => String(event.attributes.find((each) => each.key === key)?.value ?? '');
        const stack = find('exception.stacktrace');
        const title = event.name === 'exception' ? find('exception.type') || event.name : event.name;
        return (
          <section key={index} class="trace-event">
            <h3 class={event.name === 'exception' ? 'error-text' : undefined}>
              <span class="faint">{formatDuration(Number(event.timeUnixNano - span.startUnixNano))}</span> {title}
            </h3>
            <dl class="trace-attributes">
              {event.attributes
                .filter(({ key }) => key !== 'exception.stacktrace')
                .map(({ key, value }) => (
                  <div key={key}>
                    <dt>{key}</dt>
                    <dd>{String(value)}</dd>
                  </div>
                ))}
            </dl>
            {stack !== '' && (
              <div class="trace-stack">
                <CopyButton text={stack} label="Copy stack trace" />
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
                <pre tabIndex={0}>{stack}</pre>
              </div>
            )}
          </section>
        );
      })}
    </Fold>
  );
}

function Links({ span }: { readonly span: SpanDetail }) {
  if (span.links.length === 0) return null;
  return (
    <Fold title="Links" count={span.links.length} open>
      {span.links.map((link, index) => (
        <section key={index} class="trace-event">
          <a class="mono" href={href(`/trace/${link.traceId}`, { span: link.spanId })}>
            {link.traceId.slice(0, 16)}…/{link.spanId}
          </a>
          <dl class="trace-attributes">
            {link.attributes.map(({ key, value }) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd>{String(value)}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Fold>
  );
}
