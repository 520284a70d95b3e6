export type { IfNone, IfRevision, InNamespace, Named } from './caller.js';
export type { Endpoints } from './endpoints.js';
export { type ErrorCode, HooksError } from './errors.js';
export { type BackfillOptions, Hooks, type ManyOptions, type RegisterOptions, type TaskRef } from './hooks.js';
export type { CallOptions, ClientOptions } from './http.js';
export type { KeyRef, Keys } from './keys.js';
export type { Secrets } from './secrets.js';
export type * from './types.js';
