/** What goes wrong between a client and an API server, as one closed set of codes. */

/**
 * - `NotFound`: also of a namespace, or of a kind that is not served
 * - `Conflict`: a precondition does not hold, or another field manager holds a field (see `causes`)
 * - `Expired`: a resourceVersion or a page token that is too old
 * - `Invalid`: the object breaks a rule of its kind, or the request cannot be read
 * - `Forbidden`: RBAC, admission or a quota says no
 * - `TooManyRequests`: come again after `retryAfterMs`
 * - `Timeout`: no answer in time; a write may or may not have happened
 * - `Unavailable`: not reached, cut off, or a 5xx; a write may or may not have happened
 * - `NotLeader`: not sent, because this process may not write now
 */
export const KUBE_ERROR_CODES = [
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Expired',
  'Invalid',
  'Forbidden',
  'Unauthorized',
  'NamespaceTerminating',
  'TooManyRequests',
  'Timeout',
  'Unavailable',
  'NotLeader',
] as const;

export type KubeErrorCode = (typeof KUBE_ERROR_CODES)[number];

export interface KubeErrorDetail {
  /** HTTP status; 0 without an answer. */
  status?: number;
  /** How long the API server asks to wait. */
  retryAfterMs?: number | undefined;
  /** What exactly: the fields of an invalid object, the managers in a conflict. */
  causes?: { reason?: string; message?: string; field?: string }[];
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly causes: NonNullable<KubeErrorDetail['causes']>;

  /** @param message what was asked, of what, and what the API server said */
  constructor(code: KubeErrorCode, message: string, detail: KubeErrorDetail = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = detail.status ?? 0;
    this.retryAfterMs = detail.retryAfterMs;
    this.causes = detail.causes ?? [];
  }

  /** Whether the same request may succeed later without anybody changing it. */
  get transient(): boolean {
    return ['Conflict', 'Expired', 'TooManyRequests', 'Timeout', 'Unavailable', 'Unauthorized'].includes(this.code);
  }
}
