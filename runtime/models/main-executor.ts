/** Runs a model on the thread that serves: the least work for a request, and nothing else happens meanwhile. */
import { RequestError } from '../errors.ts';
import type { Executor } from './executor.ts';
import { openModel } from './ort.ts';
import type { SessionPlan } from './session-plan.ts';

/** @throws LoadError MODEL_CORRUPT, MODEL_UNSUPPORTED, PROVIDER_MISSING */
export async function openOnMain(plan: SessionPlan, warn: (message: string) => void): Promise<Executor> {
  const model = openModel(plan, warn);
  const { signature, providers } = model;
  let closed = false;
  return {
    place: 'main',
    signature,
    providers,
    async run(inputs, outputs) {
      if (closed) throw new RequestError('INFERENCE_FAILED', 'the model is closed');
      return model.run(inputs, outputs);
    },
    async close() {
      closed = true;
      model.release();
    },
  };
}
