/** Entry of a worker thread: one model, one run after another. `workerData` is a SessionPlan. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { LoadError, RequestError } from '../errors.ts';
import { giveBack } from '../protocol/tensor-memory.ts';
import { type OrtModel, openModel } from './ort.ts';
import type { SessionPlan } from './session-plan.ts';
import { pack } from './tensor-transfer.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

const port = parentPort as NonNullable<typeof parentPort>;

function say(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function open(): OrtModel | undefined {
  try {
    return openModel(workerData as SessionPlan, (message) => say({ type: 'warning', message }));
  } catch (error) {
    const { code, message } = error instanceof LoadError ? error : new LoadError('INTERNAL', String(error));
    say({ type: 'failed', code, message });
    return undefined;
  }
}

function answer(model: OrtModel, id: number, message: Extract<ToWorker, { type: 'run' }>): void {
  try {
    // ONNX Runtime gives each output a buffer of its own.
    const { tensors, transfer } = pack(model.run(message.inputs, message.outputs), true);
    say({ type: 'done', id, outputs: tensors }, transfer);
  } catch (error) {
    const { code, message } = error instanceof RequestError ? error : new RequestError('INTERNAL', String(error));
    say({ type: 'error', id, code, message });
  } finally {
    // They came with the message: nobody else has them.
    for (const { data } of message.inputs) if (!Array.isArray(data)) giveBack(data);
  }
}

/** How far behind the thread that serves this one stands when both want a core, in steps of nice. */
const BEHIND = 5;

/** On Linux this is of the calling thread, and of those that it starts; elsewhere it would be of the process. */
function standBehind(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, BEHIND);
  } catch {
    // A sandbox may forbid it; then the two share a core as equals.
  }
}

standBehind();
const model = open();
if (model) {
  port.on('message', (message: ToWorker) => {
    if (message.type === 'run') return answer(model, message.id, message);
    model.release();
    // Nothing is left to wait for, so the thread ends by itself; to end it from outside could hit it inside a run.
    port.close();
  });
  const { signature, providers } = model;
  say({ type: 'open', facts: { signature, providers } });
}
