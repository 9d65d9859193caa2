/**
 * Links from a span to where its logs, metrics and the like are. Templates come from the server's configuration:
 *
 *   https://logs.example.com/search?q={traceId}&from={startMs}&to={endMs}&service={resource.service.name}
 *
 * `{…}` is `traceId`, `spanId`, `name`, `startMs`, `endMs`, or an attribute with its scope; each is percent-encoded. A
 * link whose attributes the span does not have is left out.
 */
import type { UiSettings } from '../../../../src/api/contract/index.ts';
import type { Attribute, SpanDetail } from '../data/detail.ts';

export interface OutsideLink {
  readonly name: string;
  readonly url: string;
}

export function outsideLinks(templates: UiSettings['spanLinks'], span: SpanDetail): OutsideLink[] {
  return templates.flatMap(({ name, url }) => {
    const filled = fill(url, span);
    return filled === undefined || !isWebAddress(filled) ? [] : [{ name, url: filled }];
  });
}

/** What comes from a configuration is trusted less than the page: only addresses of the web, never scripts. */
export function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
}

function fill(template: string, span: SpanDetail): string | undefined {
  let missing = false;
  const filled = template.replace(/\{([^}]*)\}/g, (_, name: string) => {
    const value = placeholder(name.trim(), span);
    if (value === undefined) missing = true;
    return encodeURIComponent(value ?? '');
  });
  return missing ? undefined : filled;
}

function placeholder(name: string, span: SpanDetail): string | undefined {
  switch (name) {
    case 'traceId':
      return span.traceId;
    case 'spanId':
      return span.spanId;
    case 'name':
      return span.name;
    case 'startMs':
      return String(span.startUnixNano / 1_000_000n);
    case 'endMs':
      return String(span.endUnixNano / 1_000_000n + 1n);
    default:
      break;
  }
  const dot = name.indexOf('.');
  const key = name.slice(dot + 1);
  const find = (attributes: readonly Attribute[]): string | undefined => {
    const found = attributes.find((attribute) => attribute.key === key);
    return found === undefined ? undefined : String(found.value);
  };
  if (name.startsWith('span.')) return find(span.attributes);
  return name.startsWith('resource.') ? find(span.resource) : undefined;
}
