/** Set-up: how to send the first trace to this server. Turns into Search when one has arrived. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/client.ts';
import { uiSettings } from '../api/settings.ts';
import { isStoreEmpty } from '../app/first-visit.ts';
import { href, navigate, param, setParams } from '../app/router.ts';
import { tenant } from '../app/tenant.ts';
import { refresh } from '../app/time-range.ts';
import { CopyButton } from '../components/copy-button.tsx';
import { Tabs } from '../components/tabs.tsx';
import { type Step, type Target, ways } from './snippets.ts';
import './setup.css';

const askEveryMs = 2000;
/** Where OTLP is taken unless somebody says otherwise. */
const standardPort = { 'otlp/http': 4318, 'otlp/grpc': 4317 } as const;

export default function SetupPage() {
  const state = useFirstTrace();
  const target = targetOf(location.hostname);
  const way = ways.find(({ name }) => name === param('way')) ?? ways[0]!;
  const takesNone = uiSettings.value.receivers.length === 0;
  return (
    <div class="setup-page">
      <header class="setup-head">
        <h1>{state === 'filled' ? 'Send more traces' : 'Send the first trace'}</h1>
        <p class="soft">Rubato takes OpenTelemetry’s protocol, from any SDK and from the Collector.</p>
        <Waiting state={state} />
      </header>
      <dl class="setup-addresses">
        <Address name="OTLP over HTTP" value={target.httpUrl} />
        <Address name="OTLP over gRPC" value={target.grpcAddress} />
        {target.tenant !== '' && <Address name="Header" value={`X-Scope-OrgID: ${target.tenant}`} />}
      </dl>
      {takesNone && (
        <p class="soft">
          Another process takes the spans here. These are the usual ports: put its host in the place of this one.
        </p>
      )}
      <Tabs
        label="Ways to send traces"
        tabs={ways}
        selected={way.name}
        select={(name) => setParams({ way: name }, { replace: true })}
        panelId="setup-steps"
      />
      <div id="setup-steps" role="tabpanel" aria-label={way.label}>
        <ol class="setup-steps">
          {way.steps(target).map((step) => (
            <StepItem key={`${way.name} ${step.title}`} step={step} />
          ))}
        </ol>
      </div>
    </div>
  );
}

type State = 'asking' | 'empty' | 'filled' | 'unnamed' | 'unreachable';

/** Asks again and again while the store is empty, and then goes to Search. */
function useFirstTrace(): State {
  const [state, setState] = useState<State>('asking');
  const name = tenant.value;
  useEffect(() => {
    const ended = new AbortController();
    let timer = 0;
    let wasEmpty = false;
    const ask = async (): Promise<void> => {
      try {
        const isEmpty = await isStoreEmpty(ended.signal);
        if (!isEmpty && wasEmpty) {
          // The range ends when it was last looked at, before the trace came.
          refresh();
          navigate(href('/search'), { replace: true });
          return;
        }
        setState(isEmpty ? 'empty' : 'filled');
        wasEmpty ||= isEmpty;
        if (!isEmpty) return;
      } catch (error) {
        if (ended.signal.aborted) return;
        setState(error instanceof ApiError && error.status === 401 ? 'unnamed' : 'unreachable');
      }
      timer = window.setTimeout(ask, askEveryMs);
    };
    void ask();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [name]);
  return state;
}

function targetOf(host: string): Target {
  const { receivers, multitenancy } = uiSettings.value;
  const of = (protocol: 'otlp/http' | 'otlp/grpc') => {
    const receiver = receivers.find((each) => each.protocol === protocol);
    return { port: receiver?.port ?? standardPort[protocol], tls: receiver?.tls ?? false };
  };
  const http = of('otlp/http');
  return {
    httpUrl: `${http.tls ? 'https' : 'http'}://${host}:${http.port}`,
    grpcAddress: `${host}:${of('otlp/grpc').port}`,
    tenant: multitenancy ? tenant.value || 'my-tenant' : '',
  };
}

function Waiting({ state }: { readonly state: State }) {
  return (
    <p class="setup-waiting" data-state={state} role="status">
      {state === 'empty' && 'Waiting for the first trace. This page turns into Search when it arrives.'}
      {state === 'unnamed' && 'Traces belong to tenants here. Choose one at the top of the page.'}
      {state === 'unreachable' && 'The server cannot be asked whether there are traces. Trying again.'}
      {state === 'filled' && (
        <>
          Traces have arrived. <a href={href('/search')}>Search them</a>
        </>
      )}
    </p>
  );
}

function Address({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code> <CopyButton text={value} label={`Copy ${name}`} />
      </dd>
    </div>
  );
}

function StepItem({ step }: { readonly step: Step }) {
  return (
    <li>
      <div class="setup-step-head">
        <h2>{step.title}</h2>
        <CopyButton text={step.code} label={`Copy: ${step.title}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide code is scrolled with keys */}
      <pre class="setup-code" tabIndex={0}>
        {step.code}
      </pre>
    </li>
  );
}
