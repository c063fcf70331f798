/** What an executor and its worker say to each other. */
import type { LoadErrorCode, RequestErrorCode } from '../errors.ts';
import type { Tensor } from '../protocol/datatypes.ts';
import type { ModelFacts } from './executor.ts';

export type ToWorker =
  | { type: 'run'; id: number; inputs: readonly Tensor[]; outputs: readonly string[] }
  /** Let the model go and end. */
  | { type: 'close' };

export type FromWorker =
  | { type: 'open'; facts: ModelFacts }
  | { type: 'failed'; code: LoadErrorCode; message: string }
  | { type: 'warning'; message: string }
  | { type: 'done'; id: number; outputs: Tensor[] }
  | { type: 'error'; id: number; code: RequestErrorCode; message: string };
