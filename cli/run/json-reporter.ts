/** A run as JSON, one object a line, each with one key that says what it is: `event`, `snapshot`, `ready`, `stopping`. */
import type { Output } from '../output.ts';
import type { Reporter } from './reporter.ts';

export function jsonReporter(out: Output): Reporter {
  const say = (value: object) => out.write(`${JSON.stringify(value)}\n`);
  return {
    event: (event) => say({ event }),
    snapshot: (snapshot) => say({ snapshot }),
    ready: (models, watched) => say({ ready: { models, watched } }),
    stopping: (signal, again) => say({ stopping: { signal, atOnce: again > 0 } }),
    close: (snapshot) => say({ snapshot }),
  };
}
