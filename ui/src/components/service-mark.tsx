import { serviceColour } from '../design/service-colour.ts';

/** The coloured square that stands before a service's name. */
export function ServiceMark({ service }: { readonly service: string }) {
  return <span class="service-mark" aria-hidden="true" style={{ background: serviceColour(service) }} />;
}
