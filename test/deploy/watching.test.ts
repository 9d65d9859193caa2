/** Rules, alerts, runbooks and dashboards: checked by Prometheus's own tool, and against what a server really exposes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { parse } from 'yaml';
import { dashboardFolder, dashboardJson, dashboards } from '../../scripts/dashboards.ts';
import { BackendMetrics } from '../../src/app/backend-metrics.ts';
import { plainResource, plainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { postSpans, request, startTestServer, temporaryFolder } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const rules = path.join(root, 'deploy/prometheus');
const noPromtool =
  spawnSync('promtool', ['--version']).error === undefined ? false : 'SKIPPED: there is no promtool on the PATH';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly runbook_url?: string };
}

const rulesOf = (file: string): Rule[] => {
  const { groups } = parse(readFileSync(path.join(rules, file), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
};
const alerts = rulesOf('alerts.yaml');

test('promtool takes the rules, and every alert fires when it should and only then', { skip: noPromtool }, () => {
  for (const args of [
    ['check', 'rules', 'rules.yaml', 'alerts.yaml'],
    ['test', 'rules', 'tests.yaml'],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: rules, encoding: 'utf8' });
    assert.equal(status, 0, `${stdout}${stderr}`);
  }
  const tested = readFileSync(path.join(rules, 'tests.yaml'), 'utf8');
  for (const { alert } of alerts) assert.ok(tested.includes(`alertname: ${alert}\n`), `${alert} is tested`);
});

test('every alert has a severity, a summary and a page in the runbook, and every page an alert', () => {
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels?.severity ?? '', /^(page|ticket)$/, alert);
    assert.ok(annotations?.summary, alert);
    const page = annotations?.runbook_url ?? '';
    assert.equal(page, `docs/runbook/${alert}.md`);
    assert.ok(existsSync(path.join(root, page)), page);
    const text = readFileSync(path.join(root, page), 'utf8');
    for (const part of ['## What it means', '## Look at', '## Do']) assert.ok(text.includes(part), `${page}: ${part}`);
  }
  const pages = readdirSync(path.join(root, 'docs/runbook')).filter((name) => name !== 'README.md');
  assert.deepEqual(pages.sort(), alerts.map(({ alert }) => `${alert}.md`).sort());
});

test('the dashboards are those that the script writes', () => {
  for (const dashboard of dashboards) {
    const file = path.join(dashboardFolder, `${dashboard.name}.json`);
    assert.equal(readFileSync(file, 'utf8'), dashboardJson(dashboard), `${file}: node scripts/dashboards.ts writes it`);
  }
  assert.deepEqual(readdirSync(dashboardFolder).sort(), dashboards.map(({ name }) => `${name}.json`).sort());
});

/** Names of metrics and of recorded series in PromQL and in prose. */
const namesIn = (text: string): string[] =>
  text.match(/\b(?:tempo|tempodb|rubato|process)_[a-z0-9_]+|\b[a-z_]+:rubato_[a-z_]+:[a-z0-9_]+/g) ?? [];

test('every metric that they name is one that a server exposes', async (context) => {
  const folder = temporaryFolder('watching');
  const server = await startTestServer({
    dataFolder: folder.path,
    config: {
      metrics_generator: {
        storage: { path: path.join(folder.path, 'generator'), remote_write: [{ url: 'http://127.0.0.1:9/write' }] },
      },
      overrides: { defaults: { metrics_generator: { processors: ['span-metrics'] } } },
    },
  });
  context.after(() => server.kill());
  context.after(() => folder.remove());
  const span = plainSpan({ traceId: '11'.repeat(16), spanId: '22'.repeat(8), name: 'a', resource: plainResource({}) });
  assert.equal(await postSpans(server.otlpHttp, plainSpansToOtlp([span])), 200);

  const texts = new Map<string, string>();
  for (const { alert, record, expr } of [...alerts, ...rulesOf('rules.yaml')]) texts.set(alert ?? record ?? '', expr);
  for (const dashboard of dashboards)
    texts.set(dashboard.name, dashboard.panels.flatMap(({ queries }) => queries.map(([expr]) => expr)).join('\n'));
  for (const name of readdirSync(path.join(root, 'docs/runbook')))
    texts.set(name, readFileSync(path.join(root, 'docs/runbook', name), 'utf8'));
  // In one process with the other roles the backend's thread starts when there is something to do.
  const ofBackend = await new BackendMetrics().text();
  const recorded = new Set(rulesOf('rules.yaml').map(({ record }) => record));
  const unknown = async (): Promise<string[]> => {
    const { body } = await request(`${server.http}/metrics`);
    const exposed = new Set([...`${body}${ofBackend}`.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const isKnown = (name: string): boolean =>
      recorded.has(name) || exposed.has(name) || exposed.has(name.replace(/_(bucket|count|sum)$/, ''));
    return [...texts].flatMap(([where, text]) =>
      namesIn(text)
        .filter((name) => !isKnown(name))
        .map((name) => `${where}: ${name}`),
    );
  };
  // Those of the generator come with its thread.
  for (let tries = 0; tries < 100 && (await unknown()).length > 0; tries++) await setTimeout(100);
  assert.deepEqual(await unknown(), []);
});
