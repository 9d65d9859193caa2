/** The documents, as tools and resources name them. */
import type { ApiPorts } from '../ports.ts';
import { configOverview, configReference } from './docs/config.ts';
import { traceqlDocs } from './docs/traceql.ts';

type Read = (ports: ApiPorts) => string;

const documents = {
  traceql: Object.fromEntries(Object.entries(traceqlDocs).map(([name, text]): [string, Read] => [name, () => text])),
  config: {
    overview: () => configOverview,
    reference: (ports) => configReference(ports.status.config().defaults),
  },
} satisfies Record<string, Record<string, Read>>;

export type Subject = keyof typeof documents;
export const subjects = Object.keys(documents) as Subject[];

export function docNames(subject: Subject): string[] {
  return Object.keys(documents[subject]);
}

/** `name` is one of `docNames`. */
export function readDoc(subject: Subject, name: string, ports: ApiPorts): string {
  return (documents[subject] as Readonly<Record<string, Read>>)[name]!(ports);
}
