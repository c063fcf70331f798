/** Before the client tests: their Python environment, so that no test waits for an install. */
import { clientsPython } from './venv.ts';

export default async function setup(): Promise<void> {
  await clientsPython();
}
