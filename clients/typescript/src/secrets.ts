import { type Caller, type IfRevision, type Named, preconditionOf } from './caller.js';
import { Documents } from './documents.js';
import type { CallOptions } from './http.js';
import type { NewSecret, Secret, SecretRotation } from './types.js';

/** What webhooks are signed with, and receivers ask for: `hooks.secrets`. No answer has a value. */
export class Secrets extends Documents<Secret, NewSecret> {
  constructor(caller: Caller) {
    super(caller, 'secrets');
  }

  /**
   * Gives it another value; the one before signs as well for a while. Errors: `not_found`, `conflict`,
   * 412. Not sent again where an answer was lost, since the second call would take the new value for
   * the one before: see whether `rotatedAt` has changed.
   */
  async rotate(key: Named & IfRevision, rotation: SecretRotation, options?: CallOptions): Promise<Secret> {
    const path = [...this.pathOf(key), 'rotate'];
    const headers = preconditionOf(key);
    return this.caller.send({ method: 'POST', path, body: rotation, headers, repeatable: false }, options);
  }
}
