import {
  type Caller,
  type IfNone,
  type IfRevision,
  type InNamespace,
  type Named,
  preconditionOf,
  without,
} from './caller.js';
import type { CallOptions } from './http.js';
import { itemsOf } from './paging.js';
import type { NewSecret, Page, PrefixQuery, Secret, SecretRotation } from './types.js';

/** What webhooks are signed with, and receivers ask for: `hooks.secrets`. No answer has a value. */
export class Secrets {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Makes a secret, or replaces the one of that name. Errors: `conflict` where it has another type; 412
   * where `ifMatch` or `ifNone` does not hold. A retry is safe.
   */
  async put(secret: NewSecret & Named & IfNone, options?: CallOptions): Promise<Secret> {
    const body = without(secret, 'namespace', 'name', 'ifMatch', 'ifNone');
    const headers = preconditionOf(secret);
    return this.#caller.send(
      { method: 'PUT', path: this.#path(secret), body, headers, repeatable: true },
      options,
    );
  }

  /** What may be seen of it. Errors: `not_found`. A retry is safe. */
  async get(key: Named, options?: CallOptions): Promise<Secret> {
    return this.#caller.send({ method: 'GET', path: this.#path(key), repeatable: true }, options);
  }

  /**
   * Gives it another value; the one before signs as well for a while. Errors: `not_found`, `conflict`,
   * 412. Not sent again where an answer was lost, since the second call would take the new value for
   * the one before: see whether `rotatedAt` has changed.
   */
  async rotate(key: Named & IfRevision, rotation: SecretRotation, options?: CallOptions): Promise<Secret> {
    const path = [...this.#path(key), 'rotate'];
    const headers = preconditionOf(key);
    return this.#caller.send({ method: 'POST', path, body: rotation, headers, repeatable: false }, options);
  }

  /**
   * Deletes it, and answers what it was. Errors: `not_found`, which an `uncertain` error may owe to
   * itself; `conflict` where endpoints name it, unless it is `force`d.
   */
  async delete(key: Named & IfRevision & { force?: boolean }, options?: CallOptions): Promise<Secret> {
    const { force } = key;
    const headers = preconditionOf(key);
    return this.#caller.send(
      { method: 'DELETE', path: this.#path(key), query: { force }, headers, repeatable: true },
      options,
    );
  }

  /** A page of secrets, ordered by name. A retry is safe. */
  async fetch(query: PrefixQuery & InNamespace = {}, options?: CallOptions): Promise<Page<Secret>> {
    const path = this.#caller.pathIn(query, 'secrets');
    return this.#caller.send(
      { method: 'GET', path, query: without(query, 'namespace'), repeatable: true },
      options,
    );
  }

  /** All secrets, ordered by name, a page at a time. */
  list(query: PrefixQuery & InNamespace = {}, options?: CallOptions): AsyncGenerator<Secret> {
    return itemsOf(query, (page) => this.fetch(page, options));
  }

  #path(key: Named): string[] {
    return this.#caller.pathIn(key, 'secrets', key.name);
  }
}
