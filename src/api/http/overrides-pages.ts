/** `/status/overrides`: who has limits of their own, and what they are; HTML for people, JSON when it is asked for. */
import type { Clock } from '../../base/clock.ts';
import type { OverridesStatus } from '../ports.ts';
import { notFound } from './errors.ts';
import { jsonType, type Reply } from './reply.ts';
import type { Call, Route } from './route.ts';

export function overridesPages(status: OverridesStatus, clock: Clock): Route[] {
  const route = (path: string, handle: (call: Call) => Reply): Route => ({
    path,
    prefixed: false,
    access: 'overview',
    role: 'admin',
    handle,
  });
  return [
    route('/status/overrides', (call) => tenantsPage(status, clock, wantsJson(call))),
    route('/status/overrides/{tenant}', (call) => tenantPage(status, clock, call.pathPart, wantsJson(call))),
  ];
}

const wantsJson = (call: Call): boolean => String(call.request.headers.accept ?? '').includes(jsonType);

function tenantsPage(status: OverridesStatus, clock: Clock, json: boolean): Reply {
  const now = new Date(clock.nowMs()).toISOString();
  const tenants = status.tenants();
  if (json) {
    return jsonReply({
      now,
      tenants: tenants.map(({ name, hasRuntime, hasUser }) => ({
        name,
        has_runtime_overrides: hasRuntime,
        has_user_configurable_overrides: hasUser,
      })),
    });
  }
  const rows = tenants.map(
    ({ name, hasRuntime, hasUser }) =>
      `<tr><td><a href="overrides/${encodeURIComponent(name)}">${escaped(name)}</a></td>` +
      `<td>${mark(hasRuntime)}</td><td>${mark(hasUser)}</td></tr>`,
  );
  return page(
    'Limits by tenant',
    now,
    `<table><tr><th>Tenant</th><th>Runtime overrides</th><th>User-configurable overrides</th></tr>${rows.join('')}</table>`,
  );
}

function tenantPage(status: OverridesStatus, clock: Clock, tenant: string, json: boolean): Reply {
  const now = new Date(clock.nowMs()).toISOString();
  const limits = status.tenant(tenant);
  if (limits === undefined) return notFound;
  const { runtime, user, inForce } = limits;
  if (json)
    return jsonReply({ now, tenant, runtime_overrides: runtime, user_configurable_overrides: user, in_force: inForce });
  const part = (title: string, value: unknown): string =>
    value === undefined ? '' : `<h2>${title}</h2><pre>${escaped(JSON.stringify(value, undefined, 2))}</pre>`;
  return page(
    `Limits of ${tenant}`,
    now,
    part('In force', inForce) + part('Runtime overrides', runtime) + part('User-configurable overrides', user),
  );
}

const mark = (on: boolean): string => (on ? 'yes' : '');

function jsonReply(value: unknown): Reply {
  return { contentType: jsonType, body: JSON.stringify(value) };
}

function page(title: string, now: string, content: string): Reply {
  const body =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>` +
    '<style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em 1em;text-align:left}</style>' +
    `<h1>${escaped(title)}</h1><p>Current time: ${now}</p>${content}</html>\n`;
  return { contentType: 'text/html; charset=utf-8', body };
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
