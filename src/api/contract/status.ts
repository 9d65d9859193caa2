/** `GET /api/status/buildinfo` */
export interface BuildInfoResponse {
  readonly version: string;
  readonly revision: string;
  readonly branch: string;
  readonly buildUser: string;
  readonly buildDate: string;
  /** Name and version of the runtime. */
  readonly goVersion: string;
}
