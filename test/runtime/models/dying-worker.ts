/** A worker that dies when a run asks for the output `exit` or `throw`, and can't open while there is a file `MODEL.closed`. */
import { existsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const port = parentPort as NonNullable<typeof parentPort>;
port.addEventListener('message', (event) => {
  const { outputs = [] } = (event as Event & { data: { outputs?: string[] } }).data;
  if (outputs.includes('exit')) process.exit(7);
  if (!outputs.includes('throw')) return;
  // The worker itself does not get to answer.
  event.stopImmediatePropagation();
  throw new Error('out of the blue');
});

if (existsSync(`${workerData.path}.closed`)) {
  port.postMessage({ type: 'failed', code: 'MODEL_CORRUPT', message: 'the test says so' });
  port.close();
} else {
  await import('../../../runtime/models/ort-worker.ts');
}
