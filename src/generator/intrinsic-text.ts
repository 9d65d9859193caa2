/** Kinds and statuses as OTLP names them, which is how labels and filter policies have them. */

const kinds = [
  'SPAN_KIND_UNSPECIFIED',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
];
const statuses = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

export const Kind = { server: 2, client: 3, producer: 4, consumer: 5 } as const;
export const errorStatus = 2;

/** @param kindStatus as span tables have it: kind in the low four bits, status above */
export const kindText = (kindStatus: number): string => kinds[kindStatus & 15]!;
export const statusText = (kindStatus: number): string => statuses[kindStatus >> 4]!;
