/**
 * Imported before anything else: has V8 keep its heap small. Caches of a thousand ModelDeployments are small; the garbage of
 * a burst of passes is not. Measured by `bench:operator`: of V8's flags these are the ones that work in a process that
 * runs already. `--max-semi-space-size` is read at the start only, and `--optimize-for-size` costs half as much CPU again.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=30');
