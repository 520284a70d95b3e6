import { type Caller, type IfRevision, preconditionOf } from './caller.js';
import type { CallOptions } from './http.js';
import { itemsOf } from './paging.js';
import type { ApiKey, ApiKeyChanges, CreatedApiKey, NewApiKey, Page, PageQuery } from './types.js';

/** An API key, by its id. */
export interface KeyRef extends IfRevision {
  id: string;
}

/** Who may call the API: `hooks.keys`. It takes a key with the role admin for all namespaces. */
export class Keys {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Makes a key; only this answer has what its holder sends. Not sent again where an answer was lost:
   * look for a key that nobody has, and revoke it.
   */
  async create(key: NewApiKey, options?: CallOptions): Promise<CreatedApiKey> {
    return this.#caller.send({ method: 'POST', path: pathOf(), body: key, repeatable: false }, options);
  }

  /** What may be seen of a key. Errors: `not_found`. A retry is safe. */
  async get({ id }: KeyRef, options?: CallOptions): Promise<ApiKey> {
    return this.#caller.send({ method: 'GET', path: pathOf(id), repeatable: true }, options);
  }

  /**
   * Changes what it lets its holder do, by a JSON Merge Patch. Errors: `not_found`; 412 where `ifMatch`
   * does not hold. A retry is safe.
   */
  async change(key: KeyRef, changes: ApiKeyChanges, options?: CallOptions): Promise<ApiKey> {
    const headers = preconditionOf(key);
    return this.#caller.send(
      { method: 'PATCH', path: pathOf(key.id), body: changes, headers, repeatable: true },
      options,
    );
  }

  /**
   * Revokes it, and answers what it was. Errors: `not_found`, which an `uncertain` error may owe to
   * itself; 412 where `ifMatch` does not hold. A retry is safe.
   */
  async revoke(key: KeyRef, options?: CallOptions): Promise<ApiKey> {
    const headers = preconditionOf(key);
    return this.#caller.send({ method: 'DELETE', path: pathOf(key.id), headers, repeatable: true }, options);
  }

  /** A page of keys, ordered by id. A retry is safe. */
  async fetch(query: PageQuery = {}, options?: CallOptions): Promise<Page<ApiKey>> {
    return this.#caller.send({ method: 'GET', path: pathOf(), query, repeatable: true }, options);
  }

  /** All keys, ordered by id, a page at a time. */
  list(query: PageQuery = {}, options?: CallOptions): AsyncGenerator<ApiKey> {
    return itemsOf(query, (page) => this.fetch(page, options));
  }
}

function pathOf(...id: string[]): string[] {
  return ['v1', 'admin', 'keys', ...id];
}
