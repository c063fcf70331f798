/**
 * Imported before anything else: has V8 give memory back rather than keep it for speed that a controller has no use for.
 * Caches of a thousand ModelDeployments are small; the garbage of a burst of passes is not. Measured by `bench:operator`.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--max-semi-space-size=4');
setFlagsFromString('--optimize-for-size');
