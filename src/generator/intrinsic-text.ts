/** Kinds and statuses as OTLP names them, which is how labels and filter policies have them. */
import { kindNames, statusNames } from '../model/otlp-names.ts';

export const Kind = { server: 2, client: 3, producer: 4, consumer: 5 } as const;
export const errorStatus = 2;

/** @param kindStatus as span tables have it: kind in the low four bits, status above */
export const kindText = (kindStatus: number): string => kindNames[kindStatus & 15]!;
export const statusText = (kindStatus: number): string => statusNames[kindStatus >> 4]!;
