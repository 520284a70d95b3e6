import { type Caller, type IfRevision, type Named, preconditionOf } from './caller.js';
import { Documents } from './documents.js';
import type { CallOptions } from './http.js';
import type { Endpoint, EndpointChanges, Log, NewEndpoint, TestRequest } from './types.js';

/** Where webhooks go, and how: `hooks.endpoints`. */
export class Endpoints extends Documents<Endpoint, NewEndpoint> {
  constructor(caller: Caller) {
    super(caller, 'endpoints');
  }

  /**
   * Changes some of an endpoint, by a JSON Merge Patch. Errors: `not_found`; 412 where `ifMatch` does
   * not hold. A retry is safe.
   */
  async change(key: Named & IfRevision, changes: EndpointChanges, options?: CallOptions): Promise<Endpoint> {
    const headers = preconditionOf(key);
    return this.caller.send(
      { method: 'PATCH', path: this.pathOf(key), body: changes, headers, repeatable: true },
      options,
    );
  }

  /** Lets its tasks wait until it is resumed. Errors: `not_found`. A retry is safe. */
  async pause(key: Named, options?: CallOptions): Promise<Endpoint> {
    return this.#call(key, 'pause', options);
  }

  /** Lets its tasks go on. Errors: `not_found`. A retry is safe. */
  async resume(key: Named, options?: CallOptions): Promise<Endpoint> {
    return this.#call(key, 'resume', options);
  }

  /**
   * Makes one request to it now, and answers what came of it, as the log of an attempt. Errors:
   * `not_found`. It is not sent again where an answer was lost: the receiver may have had it.
   */
  async test(key: Named, request: TestRequest = {}, options?: CallOptions): Promise<Log> {
    const path = [...this.pathOf(key), 'test'];
    return this.caller.send({ method: 'POST', path, body: request, repeatable: false }, options);
  }

  #call(key: Named, verb: string, options?: CallOptions): Promise<Endpoint> {
    return this.caller.send(
      { method: 'POST', path: [...this.pathOf(key), verb], repeatable: true },
      options,
    );
  }
}
