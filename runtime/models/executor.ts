/** Where a model's runs take place. Two adapters, this thread and a worker, pass one contract suite. */
import type { Tensor } from '../protocol/datatypes.ts';
import type { Signature } from '../protocol/signature.ts';
import type { Provider } from './session-plan.ts';

export interface ModelFacts {
  signature: Signature;
  /** The execution providers in force. */
  providers: readonly Provider[];
}

export interface Executor extends ModelFacts {
  /** `main`: a run blocks this thread, and is over when `run` returns. */
  readonly place: 'main' | 'worker';
  /**
   * One run. Runs of one executor don't overlap: what is asked for meanwhile waits, first in, first out.
   * @param own nobody reads the inputs' buffers afterwards, so they may be handed over instead of copied
   * @throws RequestError INFERENCE_FAILED, INPUT_SHAPE when only the model itself could tell
   */
  run(inputs: readonly Tensor[], outputs: readonly string[], own?: boolean): Promise<Tensor[]>;
  /** Lets the model go once no run is under way: the process aborts if a thread ends inside one. Later calls wait too. */
  close(): Promise<void>;
}
