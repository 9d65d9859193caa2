/** The operators' pages: plain text in the form that Tempo's have. */

import { invalid } from '../../base/errors.ts';
import type { BuildInfo, ConfigText, ServiceState, StatusSource } from '../ports.ts';

/** Names behind `/status/`, in the order in which `/status` shows them all. */
export const statusPages = ['version', 'services', 'endpoints', 'runtime_config', 'config'] as const;
export type StatusPage = (typeof statusPages)[number];

export function statusPage(
  page: StatusPage,
  source: StatusSource,
  endpoints: readonly string[],
  mode: string | undefined,
): string {
  switch (page) {
    case 'version':
      return titled(page, versionText(source.buildInfo()));
    case 'services':
      return titled(page, servicesText(source.services()));
    case 'endpoints':
      return titled(page, endpointsText(endpoints));
    case 'runtime_config':
      return titled(page, `---\n${runtimeConfigText(source, mode)}`);
    case 'config':
      return titled(page, `---\n${configText(source.config(), mode)}`);
  }
}

const titled = (page: string, text: string): string => `GET /status/${page}\n${text.replace(/\n*$/, '\n')}`;

function versionText(build: BuildInfo): string {
  return [
    `rubato, version ${build.version} (branch: ${build.branch}, revision: ${build.revision || 'unknown'})`,
    `  build user:       ${build.buildUser}`,
    `  build date:       ${build.buildDate}`,
    `  runtime:          ${build.runtimeVersion}`,
    `  platform:         ${build.platform}`,
  ].join('\n');
}

function servicesText(services: readonly ServiceState[]): string {
  const rows = services.map((service) => [service.name, service.state, service.failure]);
  return table(['SERVICE NAME', 'STATUS', 'FAILURE CASE'], rows);
}

function endpointsText(endpoints: readonly string[]): string {
  const rows = endpoints.map((path) => {
    const pattern = path.replace(/\{\w+(:\.\*)?\}/g, (_, any) => (any === undefined ? '([^/]+)' : '(.*)'));
    return [path, `^${pattern}$`];
  });
  return table(['NAME', 'REGEX'], rows);
}

function runtimeConfigText(source: StatusSource, mode: string | undefined): string {
  const { current, diff } = source.runtimeConfig();
  if (mode === undefined) return current;
  if (mode === 'diff') return diff;
  throw unknownMode(mode);
}

function configText(config: ConfigText, mode: string | undefined): string {
  switch (mode) {
    case undefined:
      return config.current;
    case 'diff':
      return config.diff;
    case 'defaults':
      return config.defaults;
    default:
      throw unknownMode(mode);
  }
}

function unknownMode(mode: string): Error {
  return invalid('bad_mode', `unknown value for mode query parameter: ${mode.slice(0, 100)}`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (row: readonly string[]): string =>
    `|${row.map((cell, column) => ` ${cell.padEnd(widths[column]!)} `).join('|')}|`;
  return [rule, line(head), rule, ...rows.map(line), rule].join('\n');
}
